"""The parts of a period in which different rules were in force, each with evidence and figures of its own.

A rule is taken at the date of the decision. Where a rule of the chosen policies begins or ends within the period, the
period is cut there, and the questions that the rule judges are also asked of each part: so a lapsed rule sees only the
decisions of its own days. Without a column for the time of the decisions there is nothing to cut by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from audits.evidence.collect import Evidence, collect
from audits.evidence.loan_costs import LoanCosts
from audits.plan import Plan
from audits.policies.in_force import out_of_scope, parts_of
from audits.question import Question
from audits.record import DataRecord, EvidenceFile, Measurement, Rule
from checks.inputs.program import AuditProgram
from checks.inputs.source import within_days

Part = tuple[str, str]
PARTS = "parts"


def parts_for(program: AuditProgram, plan: Plan, data: DataRecord) -> tuple[Part, ...]:
    """First and last day of every part; nothing when no rule begins or ends within the period."""
    if not program.contract.time or not data.first_day or not data.last_day:
        return ()
    return parts_of(data.first_day, data.last_day, _rules(program, plan, data))


def collect_parts(
    costs: LoanCosts, program: AuditProgram, plan: Plan, ready: Sequence[Question], staging: Path, data: DataRecord
) -> tuple[EvidenceFile, ...]:
    """Collect the evidence of every part for the questions that a dated rule judges."""
    files: list[EvidenceFile] = []
    asked = [one for one in ready if is_parted(one, program, plan, data)]
    needs = [need for question in asked for need in question.needs(program.contract)]
    source = costs.serve(needs)
    for part in parts_for(program, plan, data) if needs else ():
        own = within_days(source, str(program.contract.time), *part)
        folder = folder_of(staging, part)
        rows = int(own.rows(own.table.count())[0][0])
        found = collect(own, needs, folder, rows, plan.limits)
        home = f"{PARTS}/{_name(part)}"
        files += [
            replace(file, name=f"{home}/{file.name}" if "/" in file.name else f"{home}/evidence/{file.name}")
            for file in found
        ]
    return tuple(files)


def measure_parts(
    question: Question, program: AuditProgram, plan: Plan, staging: Path, data: DataRecord
) -> Iterable[Measurement]:
    """The question's figures in every part; their segment names the part's days."""
    if not is_parted(question, program, plan, data):
        return
    for part in parts_for(program, plan, data):
        own = replace(data, first_day=part[0], last_day=part[1])
        figures, _ = question.measure(Evidence(folder_of(staging, part), own), program.contract)
        yield from (replace(figure, segment=_name(part)) for figure in figures if figure.segment == "all")


def is_parted(question: Question, program: AuditProgram, plan: Plan, data: DataRecord) -> bool:
    """Whether a rule that begins or ends within the period judges a measure of this question."""
    if not program.contract.time or not data.first_day or not data.last_day:
        return False
    cutting = _rules(program, plan, data)
    return any(
        rule.measure in question.measures for rule in cutting if parts_of(data.first_day, data.last_day, [rule])
    )  # fmt: skip


def folder_of(staging: Path, part: Part) -> Path:
    """Where the evidence of a part lies."""
    return staging / PARTS / _name(part) / "evidence"


def _rules(program: AuditProgram, plan: Plan, data: DataRecord) -> list[Rule]:
    """Rules in scope that judge a measure of the plan."""
    measures = {measure for planned in plan.questions for measure in planned.question.measures}
    scope = asdict(program.scope)
    return [
        rule for pack in plan.packs for rule in pack.rules
        if rule.measure in measures and not out_of_scope(rule, scope)
    ]  # fmt: skip


def _name(part: Part) -> str:
    return f"{part[0]}..{part[1]}"
