"""How the model's output changes when one thing about a person is changed, in rows drawn of each label."""

from __future__ import annotations

from audits.evidence.flip_results import FlipPart, FlipResult, Flips, Spread

__all__ = ["FlipPart", "FlipResult", "Flips", "Spread"]
