"""Regulators' returns, filled from the aggregates of a finished run; no data are read, and anyone can add them up.

REP021 is the FCA's pricing information report (SUP 16 Annex 49B): a row for each product, channel and band of tenure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

from audits.comparisons.return_rows import ReturnRow, return_need, return_rows
from audits.evidence.collect import Evidence
from audits.loyalty_pricing.pricing_return import PricingReturn
from audits.record import AuditRun, digest_of, read_record
from checks.inputs.contract import DataContract
from checks.inputs.pricing_columns import ECR_LABELS
from checks.problem import InputError, Problem, listed

_LABELS = ("product", "channel", "tenure_band")
_NUMBERS = (
    "quotes", "quotes_with_price", "gross_premium_total", "average_gross_premium", "net_premium_total",
    "quotes_with_expected_claims", "expected_claims_total", "expected_claims_ratio", "quotes_with_prior_premium",
    "prior_year_average_premium",
)  # fmt: skip
COLUMNS = (*_LABELS, *_NUMBERS, *(f"share with expected claims ratio {label}" for label in ECR_LABELS))
Number = float | int | None


def rep021(folder: Path) -> str:
    """The return as CSV text: one line for each product, channel and band of tenure in which there is a quote.

    Totals and averages are in the money of the contract, ratios and shares are fractions. The net total is less
    incentives, where the contract names them; a missing incentive is none. A field is empty where the data cannot
    fill it or a label is missing. Raises ``InputError`` where the run cannot be read, did not ask
    ``loyalty_pricing.pricing_return``, or lacks its aggregates.
    """
    run = read_record(AuditRun, folder / "run.json")
    contract = _contract(run, folder)
    _asked(run, contract, folder)
    _untouched(run, folder)
    try:
        cells = Evidence(folder / "evidence", run.data).cells(return_need(contract))
    except (KeyError, OSError):
        raise InputError(Problem(
            str(folder), "no cells of the pricing return that you may read",
            "the files of aggregates beside run.json, in 'evidence', or in 'restricted' where a sum is of few quotes",
            "restore these folders, or have the return made by somebody who may read them",
        )) from None  # fmt: skip
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_fields(row) for row in return_rows(cells, contract))
    return text.getvalue()


RETURNS: Mapping[str, Callable[[Path], str]] = {"rep021": rep021}


def _fields(row: ReturnRow) -> list[str]:
    net = None if row.incentives is None or not row.priced else row.premium - row.incentives
    numbers: list[Number] = [
        row.quotes, row.priced, row.premium if row.priced else None, _over(row.premium, row.priced), net,
        row.costed, row.expected if row.costed else None, _over(row.expected, row.premium_costed if row.costed else 0),
        row.with_prior, _over(row.prior, row.with_prior),
    ]  # fmt: skip
    shares = [_over(row.by_ratio.get(label, 0), row.costed) for label in ECR_LABELS]
    labels = [row.product or "", row.channel or "", row.band or ""]
    return [*labels, *("" if number is None else repr(number) for number in (*numbers, *shares))]


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _contract(run: AuditRun, folder: Path) -> DataContract:
    """The contract as the run's program has it."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(DataContract).validate_python(run.program.content["contract"])
    except (KeyError, ValidationError):
        raise InputError(Problem(
            f"{folder / 'run.json'}, program.content.contract", "no contract that this version reads",
            "the contract of the program", "make the run again with this version",
        )) from None  # fmt: skip


def _asked(run: AuditRun, contract: DataContract, folder: Path) -> None:
    """The run measured the question whose aggregates these are, or what it would have had to declare."""
    name, package = PricingReturn.name, PricingReturn.name.split(".")[0]
    called = {call["name"] for calls in run.program.content["audits"].values() for call in calls}
    lacking = [role for role in PricingReturn.roles if not contract.has(role)]
    where = str(folder / "run.json")
    if not called & {name, package}:
        also = f", and {listed(lacking)} in the contract" if lacking else ""
        raise InputError(Problem(
            where, f"a run that did not ask '{name}'", "a run of a program that does",
            f"add '{name}' under 'audits' of the program{also}, and run it again",
        ))  # fmt: skip
    if lacking:
        raise InputError(Problem(
            where, f"a contract that does not fill {listed(lacking)}", f"{listed(PricingReturn.roles)} in the contract",
            f"declare {listed(lacking)} in the contract of the program, and run it again",
        ))  # fmt: skip
    if not run.checks.fit:
        raise InputError(Problem(
            where, "data that failed their checks, so that nothing was collected", "a run of fit data",
            "correct what the report lists under data quality, and run the program again",
        ))  # fmt: skip


def _untouched(run: AuditRun, folder: Path) -> None:
    """The cells are those that the run recorded."""
    for file in run.evidence:
        path = folder / (file.name if "/" in file.name else f"evidence/{file.name}")
        if path.parent.parent != folder or not path.name.startswith("cells"):
            continue
        try:
            changed = path.is_file() and digest_of(path.read_bytes()) != file.digest
        except OSError:
            continue  # who may not read them is told so where they are looked for
        if changed:
            raise InputError(Problem(
                str(path), "other content than run.json records", f"a file of digest {file.digest}",
                "restore the file, or make the run again",
            ))  # fmt: skip
