"""What a program says of columns that hold personal data: the contract's ``personal_data`` block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.inputs.yaml_reader import Place
from checks.personal_kinds import KINDS, kinds_in
from checks.problem import listed, suggest

if TYPE_CHECKING:
    from checks.inputs.contract import DataContract

_SHOWN_TERMS = ("product", "channel", "payment_method", "incentive", "new_customer_incentive", "reason_code")


@dataclass(frozen=True, slots=True)
class PersonalColumn:
    """A column that may hold personal data: what it is for, and of which kind it is where the program says so."""

    column: str
    purpose: str
    kind: str | None = None


def read_personal(place: Place) -> tuple[PersonalColumn, ...]:
    """The block as read: ``COLUMN: purpose`` or ``COLUMN: {kind: email, purpose: …}``."""
    return tuple(_read_one(column, at) for column, at in place.free_entries().items())


def _read_one(column: str, place: Place) -> PersonalColumn:
    kind, stated = None, place
    if place.is_mapping:
        at = place.entries(("kind", "purpose"), ("purpose",))
        kind = at["kind"].choice(KINDS) if "kind" in at else None
        if "purpose" not in at:
            return PersonalColumn(column, "", kind)
        stated = at["purpose"]
    purpose = "" if stated.is_null or stated.is_list or stated.is_mapping else str(stated.node.value).strip()
    if not purpose:
        stated.complain(
            "no purpose", "what the audit needs the column for, in a few words",
            "write for instance: key of the applicant, hashed wherever it is used",
        )  # fmt: skip
    return PersonalColumn(column, purpose, kind)


def shown_columns(contract: DataContract) -> dict[str, str]:
    """Columns whose values become labels of records and pages, by the place that makes them so."""
    shown = {group.column: f"groups.{group.name}" for group in contract.groups if not group.bands}
    for role, columns in (("strata", contract.strata), ("denial_reasons", contract.denial_reasons)):
        shown |= dict.fromkeys(columns, role)
    shown |= {column: f"terms.{key}" for key, column in contract.terms.items() if key in _SHOWN_TERMS}
    if contract.decision:
        shown[contract.decision.column] = "decision"
    if contract.outcome:
        shown[contract.outcome.column] = "outcome"
    if contract.funnel:
        named = {"event": contract.funnel.event, "device": contract.funnel.device, "network": contract.funnel.network}
        shown |= {column: f"funnel.{key}" for key, column in named.items() if column}
    if "device" in contract.behaviour:
        shown[contract.behaviour["device"]] = "behaviour.device"
    for key, currency in (("price", contract.currency_column), ("loan", contract.loan_form.currency_column)):
        shown |= {currency: f"{key}.currency_column"} if currency else {}
    return shown


def check_personal(at: Mapping[str, Place], contract: DataContract) -> None:
    """Complain of declared columns that the contract does not use or that would be published."""
    if "personal_data" not in at:
        return
    used, shown = contract.columns_used(), shown_columns(contract)
    entries = at["personal_data"].free_entries() if at["personal_data"].is_mapping else {}
    for declared in contract.personal_data:
        place = entries[declared.column]
        if declared.column not in used:
            place.complain(
                f"column '{declared.column}', which the contract does not use; only columns that it uses are read",
                f"one of {listed(sorted(used), 60)}", suggest(declared.column, used),
            )  # fmt: skip
        elif declared.column in shown:
            place.complain(
                f"personal data under '{shown[declared.column]}', whose labels stand in records and pages",
                "a column whose values name nobody",
                "replace the values by pseudonyms or bands in the source or a 'query', and name that column",
            )  # fmt: skip


def refuse_personal_words(place: Place) -> None:
    """Complain of values and labels of the program that name somebody, since a program is kept with its runs.

    Only the line and the kind are told. Free descriptions (``basis``, ``purpose``, ``calibration``) are not looked at.
    """
    for spot in _scalars(Place(place.node, place.path, place.file, [])):
        for kind in sorted(kinds_in(spot.node.value)):
            Place(spot.node, "", place.file, place.problems).complain(
                f"a value that looks like personal data ({kind})", "values and labels that name nobody",
                "use a pseudonym or a band in the source, and write that here",
            )  # fmt: skip


def _scalars(place: Place) -> list[Place]:
    if place.is_mapping:
        inner = [one for key, one in place.free_entries().items() if key not in ("basis", "purpose", "calibration")]
        keys = [Place(key, "", place.file, []) for key, _ in place.node.value]
        return [*keys, *(spot for one in inner for spot in _scalars(one))]
    if place.is_list:
        return [spot for one in place.items() for spot in _scalars(one)]
    return [place]
