"""What the workbench hands out: a picture, a figure under its rules, and a search for remedies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from audits.comparing.record import Comparison
from audits.record import Finding, Measurement
from audits.remedies.records import Candidate, RemedyRecord
from reports.comparisons import Judged
from reports.report_model import MeasuredFigure
from reports.standalone import picture_file, standalone
from reports.words import Words

if TYPE_CHECKING:
    import pandas as pd

    from reports.comparing import ComparisonView
    from reports.workbench import Run


@dataclass(frozen=True, eq=False)
class PictureView:
    """A picture of the page, which a notebook shows; ``svg`` is its text, ``title`` what it says."""

    title: str
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


class Lines(tuple[str, ...]):
    """Sentences, which a notebook shows as a list."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(one) for one in self)))


def lines(*groups: Iterable[str]) -> Lines:
    """Sentences of several groups one after another, each once."""
    return Lines(dict.fromkeys(one for group in groups for one in group))


@dataclass(frozen=True, eq=False)
class FindingView:
    """A figure under its rules, in words and as a picture.

    ``verdict``, ``sentence``, ``figure``, ``interval``, ``denominators``, ``cautions``, ``does_not_show`` and
    ``would_change`` read as on the page; ``findings`` are the records behind it, the worst first, ``measurement`` the
    figure that they judge.
    """

    run: Run
    judged: Judged
    shown: MeasuredFigure

    @property
    def measurement(self) -> Measurement:
        """The figure as recorded."""
        return self.judged.measurement

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What each rule makes of it."""
        return self.judged.findings

    @property
    def id(self) -> str:
        """The identifier of the worst finding; empty where no rule judges the figure."""
        return self.findings[0].finding_id if self.findings else ""

    @property
    def verdict(self) -> str:
        """The worst verdict, or ``none``."""
        return str(self.judged.verdict or "none")

    def __getattr__(self, name: str) -> Any:
        if name in (
            "title", "who", "sentence", "figure", "interval", "denominators", "cautions", "does_not_show",
            "would_change", "assumptions", "undecided", "missing",
        ):  # fmt: skip
            found = getattr(self.shown, name)
            return Lines(found) if isinstance(found, tuple) else found
        raise AttributeError(name)

    def picture(self) -> PictureView | None:
        """The figure with its interval and the limits; None where there is no figure."""
        if self.shown.picture is None:
            return None
        return PictureView(self.shown.picture.title, picture_file(self.shown.picture, self.run.source))

    def pictures(self) -> list[PictureView]:
        """The pictures of the part of the page in which the figure stands: by group, by feature, along a scale."""
        anchor = self.shown.anchor
        blocks = [one for one in self.run.page.blocks if anchor in {f.anchor for f in (*one.figures, *one.folded)}]
        return [self.run.drawn(picture, f"{anchor}-{i}") for one in blocks for i, picture in enumerate(one.pictures)]

    def segments(self) -> pd.DataFrame:
        """The same measure of all groups and parts: who, part, figure, interval, verdict."""
        m = self.measurement
        return self.run.measurements(question=m.question, measure=m.measure)

    def details(self) -> pd.DataFrame:
        """Denominators and further figures of the same estimate, as the page words them: value and remark, by name."""
        import pandas as pd

        told = [(fact.label, fact.value, fact.note) for fact in self.shown.facts]
        return pd.DataFrame(told, columns=["what", "value", "remark"]).set_index("what").rename_axis(None)

    def rows(self, program: str | Path | None = None) -> pd.DataFrame:
        """The rows behind it, read from the source: its cases, or both groups. Raises ``InputError``."""
        return self.run.rows(self.id, program)

    def __repr__(self) -> str:
        return f"{self.verdict.upper()}: {self.shown.sentence or self.shown.missing}"

    def _repr_html_(self) -> str:
        told = self.shown.sentence or self.shown.missing
        rules = "; ".join(f"{f.rule.id} ({f.verdict})" for f in self.findings)
        notes = Markup("").join(Markup("<li>{}</li>").format(one) for one in self.shown.cautions)
        return str(
            Markup("<p><b>{}</b> · {}, {}</p><p>{}</p><p><small>{}</small></p><ul>{}</ul>").format(
                self.run.say(f"verdict.{self.judged.verdict or 'none'}"), self.shown.title, self.shown.who, told,
                rules, notes,
            )
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class RemediesView:
    """A search for less discriminatory alternatives: its ``folder`` and ``record`` (remedies.json)."""

    folder: Path
    record: RemedyRecord
    say: Words

    @property
    def outcome(self) -> str:
        """certified, not_confirmed, none_found or not_answered."""
        return self.record.outcome

    @property
    def explanation(self) -> str:
        """The outcome in a sentence."""
        return self.say.sentence(self.record.explanation)

    @property
    def cautions(self) -> Lines:
        """What must be known before relying on it."""
        return Lines(map(self.say.sentence, self.record.cautions))

    @property
    def reasons(self) -> Lines:
        """Why the chosen one was chosen."""
        return Lines(map(self.say.sentence, self.record.reasons))

    @property
    def chosen(self) -> Candidate | None:
        """The alternative that was chosen; None where there is none."""
        return next((one for one in self.record.candidates if one.id == self.record.chosen), None)

    def candidates(self) -> pd.DataFrame:
        """Every model that was tried, as it did on the rows of the choice, today's model first."""
        import pandas as pd

        told = [
            (
                one.id, one.kind, self.say.sentence(one.words), one.performance, one.outcome_rate, one.approved,
                self._ratio(one), one.gain, one.eligible, one.deployable,
                self.say.sentence(one.reason) if one.reason else "",
            )
            for one in self.record.candidates
        ]  # fmt: skip
        columns = [
            "id", "kind", "what", "performance", "outcome_rate", "approved", "ratio", "gain", "eligible", "deployable",
            "reason",
        ]  # fmt: skip
        return pd.DataFrame(told, columns=columns).set_index("id").rename_axis(None)

    def _ratio(self, one: Candidate) -> float | None:
        """The lowest ratio of approval rates among the groups of the remedied attribute."""
        own = [rate.ratio for rate in one.rates if rate.attribute == self.record.attribute and rate.ratio is not None]
        return min(own, default=None)

    def certified(self) -> pd.DataFrame:
        """Figures of the untouched rows: today's model, the chosen one, and what is certified, with its bounds."""
        import pandas as pd

        told = [
            (
                one.measure, f"{one.attribute}: {one.group}" if one.group else "", one.today, one.chosen, one.estimate,
                one.low, one.high, one.n,
            )
            for one in self.record.certified
        ]  # fmt: skip
        columns = ["measure", "who", "today", "chosen", "estimate", "low", "high", "n"]
        return pd.DataFrame(told, columns=columns).set_index("measure").rename_axis(None)

    def __repr__(self) -> str:
        return f"{self.outcome}: {self.explanation}"

    def _repr_html_(self) -> str:
        shown = Markup("<p><b>{}</b></p>{}").format(
            self.explanation,
            Markup(self.reasons._repr_html_()),  # noqa: S704 - markup already
        )
        return str(shown)

    def pictures(self) -> list[PictureView]:
        """Every candidate by performance and ratio; then today's model beside the chosen one, where there is one."""
        from reports.charts import draw
        from reports.charts.frontier import frontier_chart
        from reports.remedies_frontier import frontier
        from reports.remedies_pictures import pictures
        from reports.remedies_view import identity

        source, found = identity(self.say, self.record), []
        front = frontier(self.say, self.record)
        if front is not None:
            found.append(PictureView(front.title, standalone(frontier_chart(front, "frontier"), front.title, source)))
        for i, one in enumerate(pictures(self.say, self.record)):
            found.append(PictureView(one.title, standalone(draw(one, f"remedy-{i}"), one.title, source)))
        return found


@dataclass(frozen=True, eq=False)
class ComparedView:
    """Two runs side by side: ``record`` is the comparison, the earlier run before and the later one after."""

    record: Comparison
    say: Words

    @cached_property
    def shown(self) -> ComparisonView:
        """What the page of a comparison says."""
        from reports.comparing import comparison_view

        return comparison_view(self.record, self.say)

    def inputs(self) -> pd.DataFrame:
        """What differs in data, model, program, rules and packages: both values."""
        import pandas as pd

        told = [(one.what, one.before, one.after) for one in self.shown.inputs]
        return pd.DataFrame(told, columns=["what", "before", "after"]).set_index("what").rename_axis(None)

    def findings(self) -> pd.DataFrame:
        """Findings whose verdict differs, or that one of the runs lacks: both sides, and what turned the verdict."""
        import pandas as pd

        told = [
            (one.title, one.kind, one.before.verdict, one.after.verdict, one.before.told, one.after.told,
             " ".join(one.deciding), one.fails)
            for one in self.shown.findings
        ]  # fmt: skip
        columns = ["what", "kind", "verdict before", "verdict after", "before", "after", "because", "worse"]
        return pd.DataFrame(told, columns=columns).set_index("what").rename_axis(None)

    def figures(self) -> pd.DataFrame:
        """Figures that moved: both sides, the difference and what it says."""
        import pandas as pd

        told = [(one.title, one.before, one.after, one.change, one.says)
                for one in (*self.shown.figures, *self.shown.within)]  # fmt: skip
        columns = ["what", "before", "after", "change", "says"]
        return pd.DataFrame(told, columns=columns).set_index("what").rename_axis(None)

    def __repr__(self) -> str:
        from reports.comparing_text import lines as told

        return "\n".join(told(self.record, self.say))

    def _repr_html_(self) -> str:
        shown, say = self.shown, self.say
        rows = Markup("").join(
            Markup("<tr><td>{}</td><td>{} → {}</td><td>{}</td><td>{}</td></tr>").format(
                one.kind, *(say(f"verdict.{side.verdict or 'none'}") for side in (one.before, one.after)), one.title,
                " ".join((*one.deciding, one.difference)),
            )
            for one in shown.findings
        )  # fmt: skip
        cannot = Markup(Lines(shown.cannot_say)._repr_html_())  # noqa: S704 - markup already
        return str(
            Markup("<h4>{}</h4>{}<table>{}</table><p>{}</p><p>{}</p>{}").format(
                shown.title, Markup("").join(Markup("<p>{}</p>").format(one) for one in shown.lead), rows,
                shown.findings_note, say("compare.cannot"), cannot,
            )
        )  # fmt: skip
