"""One question on a program's data, without the checks before and the judgement after it."""

from __future__ import annotations

from pathlib import Path

from audits.evidence.collect import Evidence, collect
from audits.evidence.loan_costs import LoanCosts
from audits.record import Measurement, NotAnswered
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.source import open_source


def measure_program(file: Path, question, folder: Path, period: str = "all"):
    """The question's figures, and what it could not answer."""
    from audits.run import pull

    program, span = read_program(file), read_period(period)
    folder.mkdir(parents=True, exist_ok=True)
    needs = list(question.needs(program.contract))
    with open_source(program, span) as source, LoanCosts(source, needs, program.file.parent, folder) as costs:
        data = pull(source, program, span, folder)
        collect(costs.serve(needs), needs, folder / "evidence", data.rows)
    found: tuple[list[Measurement], list[NotAnswered]] = question.measure(
        Evidence(folder / "evidence", data), program.contract
    )
    return found
