"""Fair lending: are protected groups treated worse than the reference group?"""

from audits.fair_lending.approval import Approval
from audits.fair_lending.calibration import Calibration
from audits.fair_lending.errors import Errors
from audits.fair_lending.imputed_groups import ImputedGroups
from audits.fair_lending.intersections import Intersections
from audits.fair_lending.pricing import Pricing
from audits.fair_lending.risk_adjusted import RiskAdjustedApproval

QUESTIONS = (Approval, Errors, Calibration, Intersections, ImputedGroups, Pricing, RiskAdjustedApproval)
