"""Fair lending: are protected groups treated worse than the reference group?"""

from audits.fair_lending.approval import Approval

QUESTIONS = (Approval,)
