"""What was planted in a simulated company set beside what an audit of it found, a line a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audits.record import VERDICTS, AuditRun, Judgement, Measurement
from audits.run import latest_version, read_run
from checks.problem import InputError, Problem

_WIDE = 46


@dataclass(frozen=True, slots=True)
class Planted:
    """A measure, of a group or of everyone, and the true ``value`` of its figure.

    ``segment`` is the part that the figure is of, such as a stage. With ``loans`` the value is how many loans lie
    beyond the limit that a rule sets on the figure.
    """

    measure: str
    value: float
    group: str | None = None
    loans: bool = False
    segment: str = "all"

    @property
    def told(self) -> str:
        """The measure with the part and the group that it is of."""
        parts = (
            self.measure,
            *((self.segment,) if self.segment != "all" else ()),
            *((self.group,) if self.group else ()),
        )
        return ", ".join(parts)


def finished(runs: Path, program: str) -> tuple[AuditRun, Judgement]:
    """The records of a program's newest run. Raises ``InputError`` when there is none."""
    folder = latest_version(runs / program / "all")
    if folder is None:
        raise InputError(
            Problem(str(runs / program), "no finished run", "a run of the DAG", "run the demonstration again")
        )
    return read_run(folder)


def beside(planted: Sequence[Planted], run: AuditRun, judgement: Judgement, held: bool = True) -> list[str]:
    """The lines: planted, found with its interval, and the worst verdict on it; ``held`` adds how many intervals hold.

    Where a figure is of a model that learned what was planted only nearly, intervals are not of what was planted.
    """
    lines = [f"  {'':{_WIDE}}{'planted':>20}  found"]
    for one in planted:
        lines.append(f"  {one.told:{_WIDE}}{_line(one, run, judgement)}")
    return [*lines, *_held(planted, run)] if held else lines


def found(run: AuditRun, measure: str, group: str | None, segment: str = "all") -> Measurement | None:
    """The figure of a group, or of everyone, over the whole period."""
    same = (m for m in run.measurements if (m.measure, m.group, m.segment) == (measure, group, segment))
    return next(same, None)


def _line(planted: Planted, run: AuditRun, judgement: Judgement) -> str:
    from audits.policies.units import figure
    from audits.policies.wording import is_counted

    m = found(run, planted.measure, planted.group, planted.segment)
    if m is None or m.estimate is None:
        return f"{planted.value:>20.4g}  none: {m.reason if m else 'not measured'}"
    worst, estimate = _worst(judgement, planted), figure(m, m.estimate)
    if planted.loans:
        there = f"{max((loans for _, loans in m.beyond), default=0):,} loans, up to {estimate}"
        return f"{f'{planted.value:,.0f} loans':>20}  {there}  {worst}"
    low, high = (figure(m, bound).split(" ")[0] for bound in (m.low, m.high))
    told = estimate if is_counted(m) else f"{estimate} ({low} to {high})"
    return f"{figure(m, planted.value):>20}  {told}  {worst}"


def _held(planted: Sequence[Planted], run: AuditRun) -> list[str]:
    """How many intervals hold what was planted: some miss it by chance, and no seed is chosen so that none does."""
    from audits.policies.wording import is_counted, percent_of

    pairs = [(one, found(run, one.measure, one.group, one.segment)) for one in planted if not one.loans]
    there = [(one.value, m) for one, m in pairs if m and m.low is not None and m.high is not None]
    intervals = [(value, m) for value, m in there if not is_counted(m)]
    if not intervals:
        return []
    hold = sum(float(m.low or 0.0) <= value <= float(m.high or 0.0) for value, m in intervals)
    level = percent_of(min(m.level for _, m in intervals))
    return [f"  {hold} of {len(intervals)} intervals hold what was planted; each does in {level:g} % of draws"]


def _worst(judgement: Judgement, planted: Planted) -> str:
    """The gravest verdict on a figure; "told beside" where no rule judges it."""
    given = {
        f.verdict for f in judgement.findings
        if (f.measurement.measure, f.measurement.group, f.measurement.segment)
        == (planted.measure, planted.group, planted.segment)
    }  # fmt: skip
    return next((verdict for verdict in VERDICTS if verdict in given), "told beside")
