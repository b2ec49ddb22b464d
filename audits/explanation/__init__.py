"""Why was this model flagged: what in it makes the gap, and what would change if one thing about a person did?

One file a question. Each says what it takes, how, and what it cannot show.
"""

from __future__ import annotations

from typing import Any

from audits.explanation.paired_flips import PairedFlips
from audits.explanation.proxy_features import ProxyFeatures
from audits.explanation.reason_codes import ReasonCodes
from audits.explanation.reproduction import Reproduction
from audits.explanation.shap_gap import ShapGap

QUESTIONS: tuple[type[Any], ...] = (
    Reproduction,
    ShapGap,
    PairedFlips,
    ProxyFeatures,
    ReasonCodes,
)
