"""What a flip cannot see: other features that stand in for what is flipped, and stay as they are."""

from __future__ import annotations

from dataclasses import dataclass

from audits.comparisons.proxy_figures import named_proxies, proxies_need
from audits.evidence.collect import Evidence
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.inputs.prediction import STANDING
from checks.sentence import Sentence, joined, said, template

_NOTHING = template(
    "the flip shows nothing, but {names} stand in for {attribute} and carry a gap to the harm of a group: a flip "
    "leaves them as they are"
)
_BESIDE = template(
    "{names} stand in for {attribute} and carry a gap to the harm of a group, which a flip does not show: it leaves "
    "them as they are"
)
_UNMEASURED = template(
    "a flip leaves all other features as they are, and how far they stand in for {attribute} was not measured"
)
_NOT_TAKEN = template(
    "the model does not take {attribute}: a flip cannot show treatment by proxy, and says nothing on harm"
)
_NOT_TAKEN_NAMED = template(
    "the model does not take {attribute}: a flip cannot show treatment by proxy, and {names} stand in for it and carry "
    "a gap to the harm of a group"
)


@dataclass(frozen=True, slots=True)
class StandIns:
    """The features named as proxies of an attribute; ``measured`` is whether that was asked at all."""

    attribute: str
    names: tuple[str, ...]
    measured: bool

    def beside(self, *, nothing: bool) -> tuple[Sentence, ...]:
        """What a flip's figure cannot see; ``nothing`` is whether the flip shows no change."""
        if self.names:
            words = _NOTHING if nothing else _BESIDE
            return (said(words, names=joined(self.names, ", "), attribute=self.attribute),)
        return () if self.measured else (said(_UNMEASURED, attribute=self.attribute),)

    def not_taken(self) -> Sentence:
        """Why there is no flip of an attribute that is no feature."""
        if self.names:
            return said(_NOT_TAKEN_NAMED, names=joined(self.names, ", "), attribute=self.attribute)
        return said(_NOT_TAKEN, attribute=self.attribute)


def stand_ins(evidence: Evidence, contract: DataContract, attribute: str) -> StandIns:
    """The features that stand in for an attribute, by what ``ProxiesNeed`` collected; of tenure by that of standing."""
    asked = STANDING if attribute == "tenure" else attribute
    try:
        found = evidence.modelled(proxies_need(contract))
    except (KeyError, ModelUnusable):
        return StandIns(attribute, (), measured=False)
    measured = any(pair.attribute == asked and not pair.too_few for pair in found.pairs)
    return StandIns(attribute, named_proxies(evidence, contract, asked) if measured else (), measured)
