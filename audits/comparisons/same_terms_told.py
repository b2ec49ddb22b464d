"""What prices on the same terms come to, and what must be known before relying on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from audits.comparisons.flags import flag_of, known_label
from audits.evidence.same_terms import MOST_CODES, MOST_FLAGS, SameTerms
from audits.record import NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said

MOST_LOST = 0.05  # share of rows that cannot be compared beyond which they may hold the harm
MOST_SHOWN = 20
_HALF = 0.5
NOBODY = said("no two prices stand on the same terms in the same time: there is nobody to compare with")
_NO_CODES = said("the contract names no reason codes, so nobody can tell which differences the law allows")
_NO_FLAG = said("the contract names no flag of disclosure, so every difference counts as undisclosed")
_NO_TIME = said(
    "the contract names no time, so all prices of the period are compared, and a price that changed over time looks "
    "like one that differs between customers"
)
_PER_COST = said("prices are compared per unit of expected cost, and an error of that cost looks like a price")
_UNTOLD = {
    "channel": said("the contract names no channel, so prices of several channels may be compared"),
    "payment_method": said("the contract names no payment method, so prices of several methods may be compared"),
}


@dataclass(frozen=True, slots=True)
class Cases:
    """Prices ``beyond`` the tolerance: ``excused`` by an allowed code, else ``disclosed``, else ``unexplained``.

    ``highest`` is the highest ratio of any that is neither excused nor disclosed, also within the tolerance. Of the
    unexplained, ``unknown`` have no value in the flag and ``incomplete`` miss one of their terms; ``certain`` have all,
    and ``highest_certain`` is their highest ratio. ``codes`` are those on no list with their unexplained cases, in
    small letters, and ``uncoded`` the cases without any. ``odd`` are flags that say neither yes nor no.
    """

    beyond: int = 0
    excused: int = 0
    disclosed: int = 0
    unexplained: int = 0
    unknown: int = 0
    incomplete: int = 0
    certain: int = 0
    highest: float = 1.0
    highest_certain: float = 1.0
    codes: Mapping[str, int] = field(default_factory=dict)
    uncoded: int = 0
    odd: tuple[str, ...] = ()


def cases_in(found: SameTerms, flagged: bool = True) -> Cases:
    """The cases of dearer rows by reason code and flag.

    One odd flag refuses them all: then nothing is disclosed, nor where no column is ``flagged`` or it was not used.
    """
    used = flagged and not found.flags_refused
    odd = tuple(flag for flag in found.flags if isinstance(flag_of(flag), str))
    count, codes = Counter[str](), Counter[str]()
    highest, certain = 1.0, 1.0
    for one in found.dearer:
        flag = flag_of(one.flag) if used and not odd else False
        count["beyond"] += one.beyond
        if one.excused or flag is True:
            count["excused" if one.excused else "disclosed"] += one.beyond
            continue
        sure = one.complete and flag is False
        count["unexplained"] += one.beyond
        count["unknown"] += one.beyond * (flag is None)
        count["incomplete"] += one.beyond * (not one.complete)
        count["certain"] += one.beyond * sure
        code = known_label(one.code)
        count["uncoded"] += one.beyond * (code is None)
        codes[(code or "").strip().casefold()] += one.beyond * (code is not None)
        highest, certain = max(highest, one.highest), max(certain, one.highest if sure else 1.0)
    listed = {code: n for code, n in sorted(codes.items(), key=lambda pair: (-pair[1], pair[0])) if n}
    return Cases(**count, highest=highest, highest_certain=certain, codes=listed, odd=odd)


def counts(found: SameTerms, cases: Cases) -> dict[str, int]:
    """Numerators and denominators, the same beside every figure."""
    return {
        "unexplained": cases.unexplained, "compared": found.compared, "beyond": cases.beyond,
        "beyond_excused": cases.excused, "beyond_disclosed": cases.disclosed, "disclosure_unknown": cases.unknown,
        "without_reason_code": cases.uncoded, "excused": found.excused, "alone": found.alone,
        "sets_of_terms": found.sets, "single_sets": found.single_sets, "rows": found.rows, "left_out": _lost(found),
    }  # fmt: skip


def _lost(found: SameTerms) -> int:
    return sum(found.faults.values())


def cautions(found: SameTerms, cases: Cases, contract: DataContract) -> tuple[Sentence, ...]:
    """What the contract does not tell, so that a difference may have a reason that nobody sees."""
    told = [] if "reason_code" in contract.terms else [_NO_CODES]
    told += [] if "disclosed" in contract.terms else [_NO_FLAG]
    told += [_codes_refused(contract)] if found.codes_refused else []
    told += [sentence for key, sentence in _UNTOLD.items() if key not in contract.terms]
    told += [] if contract.time else [_NO_TIME]
    told += [_PER_COST] if contract.cost else []
    return (*told, *_flags_refused(found, cases, contract))


def doubts(cases: Cases) -> tuple[Sentence, ...]:
    """What keeps single cases from being certain."""
    told = []
    if cases.unknown:
        told.append(said(
            "{unknown:,} of {cases:,} cases have no value in the flag of disclosure and count as undisclosed",
            unknown=cases.unknown, cases=cases.unexplained,
        ))  # fmt: skip
    if cases.incomplete:
        told.append(said(
            "{incomplete:,} of {cases:,} cases miss one of their terms and are compared with those that miss the same",
            incomplete=cases.incomplete, cases=cases.unexplained,
        ))  # fmt: skip
    return tuple(told)


def unseen(found: SameTerms) -> tuple[Sentence, ...]:
    """Rows that nobody looked at, where they are many."""
    told = []
    others = found.alone + found.compared
    if found.alone > _HALF * others:
        told.append(said(
            "{alone:,} of {others:,} prices stand alone on their terms: there is nobody to compare them with",
            alone=found.alone, others=others,
        ))  # fmt: skip
    if found.excused > _HALF * found.usable:
        told.append(said(
            "{excused:,} of {rows:,} prices have an allowed reason code and are no case whatever they are",
            excused=found.excused, rows=found.usable,
        ))  # fmt: skip
    if _lost(found) > MOST_LOST * found.rows:
        told.append(_left_out(found))
    return tuple(told)


def missing(question: str, found: SameTerms, cases: Cases, contract: DataContract) -> Iterator[NotAnswered]:
    """Parts of the question that stay open, with what would answer them."""
    codes, flag = f"{question}: terms.reason_code", f"{question}: terms.disclosed"
    if "reason_code" not in contract.terms:
        yield NotAnswered(codes, _NO_CODES, said("name the column of reason codes under 'terms.reason_code'"))
    if found.codes_refused:
        yield NotAnswered(codes, _codes_refused(contract), said("give each reason one code"))
    if cases.codes:
        shown = list(cases.codes.items())[:MOST_SHOWN]
        yield NotAnswered(
            codes,
            said(
                "{rows:,} cases have a reason code that is not on the list of allowed ones: {codes}",
                rows=sum(cases.codes.values()), codes=", ".join(f"{code} ({n:,})" for code, n in shown),
            ),
            said("list under 'allowed' the codes of reasons that the law allows, where there are such among them"),
        )  # fmt: skip
    if "disclosed" not in contract.terms:
        yield NotAnswered(flag, _NO_FLAG, said("name the flag of disclosure under 'terms.disclosed'"))
    for refused in _flags_refused(found, cases, contract):
        yield NotAnswered(flag, refused, said("write true or false, yes or no, 1 or 0, in the source or in a 'query'"))
    if _lost(found):
        yield NotAnswered(
            f"{question}: price",
            _left_out(found),
            said("complete these rows in the source"),
        )  # fmt: skip


def _left_out(found: SameTerms) -> Sentence:
    return said(
        "{lost:,} of {rows:,} rows are left out: a price, cost or time is missing or not above zero",
        lost=_lost(found), rows=found.rows,
    )  # fmt: skip


def _codes_refused(contract: DataContract) -> Sentence:
    return said(
        "'{column}' has more than {most:,} different values, which are no codes: no reason excuses",
        column=contract.terms["reason_code"], most=MOST_CODES,
    )  # fmt: skip


def _flags_refused(found: SameTerms, cases: Cases, contract: DataContract) -> Iterator[Sentence]:
    if found.flags_refused:
        yield said(
            "'{column}' has more than {most:,} different values, which are no yes or no: nothing counts as disclosed",
            column=contract.terms["disclosed"], most=MOST_FLAGS,
        )  # fmt: skip
    if cases.odd:
        yield said(
            "'{column}' holds {values}, which is neither yes nor no: nothing counts as disclosed",
            column=contract.terms["disclosed"], values=", ".join(map(repr, cases.odd[:5])),
        )  # fmt: skip
