"""Is anybody shut out who has no smartphone, no skill with it, or no data trail?

One file a question. Each says which harm it measures, what it takes, how, and what it cannot show.
"""

from __future__ import annotations

from typing import Any

from audits.digital_divide.channel_price import ChannelPrice
from audits.digital_divide.concentration_index import ConcentrationIndex
from audits.digital_divide.elderly import Elderly
from audits.digital_divide.funnel import Funnel
from audits.digital_divide.thin_file import ThinFileAccess

QUESTIONS: tuple[type[Any], ...] = (Funnel, Elderly, ThinFileAccess, ChannelPrice, ConcentrationIndex)
