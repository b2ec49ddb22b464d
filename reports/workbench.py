"""A finished run in the hands of whoever has to explain it: load it, look at a finding, follow it into the model.

    from reports.workbench import load, latest

    run = latest("runs", "scored-loans")
    run.findings()
    red = run.worst()
    red.picture()
    run.features("area")

Everything is read from the records of the run (run.json, judgement.json); no data are opened, but by ``rows``. Tables
are pandas frames, pictures are those of the page. ``docs/workbench.md`` describes each call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from audits.record import VERDICTS, AuditRun, Finding, Judgement, Measurement
from audits.remedies.station import latest_remedies, read_remedies
from audits.run import latest_version, read_run
from checks.problem import InputError, Problem, listed, suggest
from reports.comparisons import measured_figure, pair_up, who
from reports.figures import span
from reports.named import group_in, segment_in
from reports.pictures import Picture
from reports.report_model import ReportModel
from reports.rule_reading import limit_text
from reports.standalone import standalone
from reports.view import report_model
from reports.words import LANGUAGES, Words, language
from reports.workbench_names import HARMS, known_name, refuse_no_store, text
from reports.workbench_views import ComparedView, FindingView, Lines, PictureView, RemediesView, lines

if TYPE_CHECKING:
    import pandas as pd

    from audits.remedies.money import HarmCost

__all__ = ["ComparedView", "FindingView", "Lines", "PictureView", "RemediesView", "Run", "latest", "lines", "load"]
_SHORTEST = 6  # signs of a finding's identifier


def _verdicts(asked: str | Sequence[str] | None) -> list[str]:
    """The verdicts that are asked for: all where none is named."""
    if asked is None:
        return list(VERDICTS)
    if not isinstance(asked, str | Sequence) or not asked:
        raise InputError(Problem("verdict", repr(asked), f"one or several of {listed(VERDICTS)}", "name one, or none"))
    wanted = [asked] if isinstance(asked, str) else list(asked)
    for one in wanted:
        known_name("verdict", text("verdict", one), VERDICTS)
    return wanted


def load(where: str | Path, store: str | None = None, lang: str = LANGUAGES[0]) -> Run:
    """The run in a folder (OUT/PROGRAM/PERIOD/vN), or the MLflow run ``where`` (its id, or runs:/ID) of ``store``.

    ``lang`` is the language of words, en or zh-CN. Raises ``InputError`` where no finished run is there.
    """
    if lang not in LANGUAGES:
        raise InputError(Problem("lang", f"'{lang}'", f"one of {listed(LANGUAGES)}", suggest(lang, LANGUAGES)))
    if not isinstance(where, Path):
        text("where", where)
    if store is not None:
        from reports.tracking import fetched

        refuse_no_store(text("store", store))
        folder = fetched(str(where).removeprefix("runs:/"), store)
    else:
        folder = Path(where)
    return Run(folder, *read_run(folder), language(lang))


def latest(runs: str | Path, program: str, period: str = "all", lang: str = LANGUAGES[0]) -> Run:
    """The newest version of a program's run of a period, under the folder that ``squaredeal run --out`` wrote to."""
    home = runs if isinstance(runs, Path) else Path(text("runs", runs))
    text("program", program)
    text("period", period)
    names = sorted(path.name for path in home.glob("*") if path.is_dir()) if home.is_dir() else []
    if program not in names:
        raise InputError(Problem(
            str(home), f"no runs of '{program}'", f"one of {listed(names)}" if names else "a folder of runs",
            suggest(program, names) if names else "make a run first: squaredeal run PROGRAM --out FOLDER",
        ))  # fmt: skip
    folder = latest_version(home / program / period)
    if folder is None:
        known = sorted(path.name for path in (home / program).glob("*") if path.is_dir())
        raise InputError(Problem(
            str(home / program), f"no finished run of the period '{period}'", f"one of {listed(known)}",
            suggest(period, known),
        ))  # fmt: skip
    return load(folder, lang=lang)


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: ``folder``, its ``record`` (run.json) and ``judgement``, in the words of ``say``."""

    folder: Path
    record: AuditRun
    judgement: Judgement
    say: Words

    @cached_property
    def page(self) -> ReportModel:
        """What the report page says, in its order."""
        return report_model(self.record, self.judgement, self.say)

    @cached_property
    def figures(self) -> tuple[FindingView, ...]:
        """Every figure with its findings, the worst verdict first."""
        content = self.record.program.content
        paired = pair_up(self.record.measurements, self.judgement.findings, content)
        return tuple(
            FindingView(self, one, measured_figure(self.say, one, f"figure-{i}")) for i, one in enumerate(paired, 1)
        )

    @property
    def title(self) -> str:
        """The title of the program."""
        return self.page.title.text

    @property
    def source(self) -> str:
        """Program, period and version, as pictures name them."""
        return self.say("join.clauses").join((self.page.title.text, self.page.identity))

    def harms(self) -> pd.DataFrame:
        """Each harm that was asked about: verdict and the sentence that the page says first."""
        import pandas as pd

        told = [
            (one.title, one.verdict or "none", one.headline.sentence if one.headline else " ".join(one.messages))
            for one in self.page.harms
        ]
        return pd.DataFrame(told, columns=["harm", "verdict", "headline"]).set_index("harm").rename_axis(None)

    def findings(
        self, harm: str | None = None, verdict: str | Sequence[str] | None = None, measure: str | None = None
    ) -> pd.DataFrame:
        """One row for each finding, the worst first, by the first eight signs of its identifier.

        ``harm`` and ``measure`` are names as in the records, ``verdict`` one or several of breach, concern,
        inconclusive, not_identified, clear, unfit. Raises ``InputError`` for a name that there is not, and for a list
        of no verdict.
        """
        import pandas as pd

        known_name("harm", harm, HARMS)
        known_name("measure", measure, self._measures())
        wanted = _verdicts(verdict)
        told = [
            self._finding(view, found)
            for view in self.figures for found in view.findings
            if found.verdict in wanted and harm in (None, found.harm) and measure in (None, view.measurement.measure)
        ]  # fmt: skip
        told.sort(key=lambda row: VERDICTS.index(row[1]))
        columns = ["finding", "verdict", "harm", "what", "who", "figure", "interval", "limit", "rule"]
        return pd.DataFrame(told, columns=columns).set_index("finding").rename_axis(None)

    def _measures(self) -> set[str]:
        return {m.measure for m in self.record.measurements}

    def _finding(self, view: FindingView, found: Finding) -> tuple[str, ...]:
        m = view.measurement
        interval = "" if m.estimate is None else span(self.say, m)
        return (
            found.finding_id[:8], found.verdict, self.say.named("harm", found.harm), view.shown.title, view.shown.who,
            view.shown.figure, interval, limit_text(self.say, found.rule, m.unit), found.rule.id,
        )  # fmt: skip

    def finding(self, asked: str) -> FindingView:
        """The figure of a finding: by its identifier or the beginning of it, a rule's id, or a measure's name.

        Of several under one rule or measure the worst. Raises ``InputError`` where there is none.
        """
        text("finding", asked)
        by_id = [
            view for view in self.figures
            if len(asked) >= _SHORTEST and any(found.finding_id.startswith(asked) for found in view.findings)
        ]  # fmt: skip
        others = [
            view for view in self.figures
            if asked == view.measurement.measure or any(found.rule.id == asked for found in view.findings)
        ]  # fmt: skip
        if by_id or others:
            return (by_id or others)[0]
        known = sorted({found.rule.id for found in self.judgement.findings})
        raise InputError(Problem(
            "finding", f"'{asked}'", f"an identifier, a measure, or a rule that judged something: {listed(known, 30)}",
            suggest(asked, known),
        ))  # fmt: skip

    def worst(self, harm: str | None = None) -> FindingView:
        """The figure that the page says first, of one harm or of all.

        Raises ``InputError`` for a harm that there is not, and where nothing is judged.
        """
        known_name("harm", harm, HARMS)
        for view in self.figures:
            if view.findings and harm in (None, view.judged.harm):
                return view
        raise InputError(Problem(
            str(self.folder), f"no finding{f' on {harm}' if harm else ''}", "a run that was judged",
            "see .unanswered() for what it lacks",
        ))  # fmt: skip

    def measurements(
        self, question: str | None = None, measure: str | None = None, attribute: str | None = None
    ) -> pd.DataFrame:
        """Every figure that fits, as numbers and in words, judged or not.

        Columns: measure, who, part, figure and interval in words, verdict, reason; estimate, low, high, level, n as
        numbers. A name that fits nothing raises ``InputError`` with those that there are.
        """
        import pandas as pd

        asked = {"question": question, "measure": measure, "attribute": attribute}
        for key, value in asked.items():
            known_name(key, value, (str(getattr(m, key)) for m in self.record.measurements if getattr(m, key)))
        kept = [
            view for view in self.figures
            if all(value in (None, getattr(view.measurement, key)) for key, value in asked.items())
        ]  # fmt: skip
        columns = [
            "measure", "who", "part", "figure", "interval", "verdict", "reason", "estimate", "low", "high", "level",
            "n",
        ]  # fmt: skip
        return pd.DataFrame([self._measured(view) for view in kept], columns=columns)

    def _measured(self, view: FindingView) -> tuple[Any, ...]:
        m, say = view.measurement, self.say
        part = "" if m.segment == "all" else segment_in(say, m)
        return (
            m.measure, view.shown.who, part, view.shown.figure, "" if m.estimate is None else span(say, m),
            view.verdict, say.sentence(m.reason) if m.reason else "", m.estimate, m.low, m.high, m.level, m.n,
        )  # fmt: skip

    def features(self, attribute: str | None = None) -> pd.DataFrame:
        """What each feature makes of a gap in the model's output (SHAP), the largest first; empty where not asked.

        With ``carried``: what rides on it beyond cost or outcomes, and ``auc``: how well it tells the group. Raises
        ``InputError`` for an attribute of which the run has no figure.
        """
        import pandas as pd

        known_name("attribute", attribute, (m.attribute for m in self.record.measurements if m.attribute))
        gaps = self._parts("feature_output_gap", attribute)
        carried, auc = self._parts("proxy_carried_gap", attribute), self._parts("proxy_auc", attribute)
        told = []
        for key in dict.fromkeys([*gaps, *carried, *auc]):
            gap = gaps.get(key)
            ride, tells = carried.get(key), auc.get(key)
            first = gap or ride or tells
            if first is None:
                continue
            told.append((
                segment_in(self.say, first), who(self.say, first), gap and gap.estimate, gap and gap.low,
                gap and gap.high, ride and ride.estimate, tells and tells.estimate,
                bool(ride and ride.details.get("named")),
            ))  # fmt: skip
        columns = ["feature", "who", "gap", "low", "high", "carried", "auc", "proxy"]
        frame = pd.DataFrame(told, columns=columns).set_index("feature").rename_axis(None)
        order = frame["gap"].astype(float).abs().fillna(-1.0).sort_values(ascending=False, kind="stable").index
        return frame.loc[order] if frame.index.is_unique else frame

    def _parts(self, measure: str, attribute: str | None) -> dict[tuple[str, str | None], Measurement]:
        return {
            (m.segment, m.group): m for m in self.record.measurements
            if m.measure == measure and attribute in (None, m.attribute) and m.segment != "all"
        }  # fmt: skip

    def flips(self) -> pd.DataFrame:
        """What the model would say with one thing about a person changed, and to how many it costs more."""
        import pandas as pd

        harmed = {(m.segment, m.group): m for m in self.record.measurements if m.measure == "flip_harmed_share"}
        told = [
            (
                segment_in(self.say, m), group_in(self.say, m) if m.group else "", m.estimate, m.low, m.high,
                getattr(harmed.get((m.segment, m.group)), "estimate", None), m.n,
            )
            for m in self.record.measurements if m.measure == "flip_output_change"
        ]  # fmt: skip
        columns = ["flip", "group", "change", "low", "high", "harmed_share", "n"]
        return pd.DataFrame(told, columns=columns).set_index("flip").rename_axis(None)

    def proxies(self) -> list[str]:
        """Features that stand in for a group and carry a gap, as the run names them."""
        return list(dict.fromkeys(
            segment_in(self.say, m) for m in self.record.measurements
            if m.measure == "proxy_carried_gap" and m.details.get("named")
        ))  # fmt: skip

    def unanswered(self) -> pd.DataFrame:
        """Questions without an answer: why, and what would answer them."""
        import pandas as pd

        told = [(one.question, one.reason, one.needed) for one in self.page.unanswered]
        return pd.DataFrame(told, columns=["question", "reason", "needed"]).set_index("question").rename_axis(None)

    def pictures(self, measure: str | None = None) -> list[PictureView]:
        """The pictures of several figures: of every part of the page, or of those that hold a measure.

        Raises ``InputError`` for a measure that the run does not have.
        """
        known_name("measure", measure, self._measures())
        anchors = {view.shown.anchor for view in self.figures if measure in (None, view.measurement.measure)}
        found = []
        for block in self.page.blocks:
            if measure is None or anchors & {one.anchor for one in (*block.figures, *block.folded)}:
                found += [self.drawn(one, f"{block.anchor}-{i}") for i, one in enumerate(block.pictures)]
        return found

    def drawn(self, picture: Picture, anchor: str) -> PictureView:
        """A picture of the page, to be shown alone."""
        from reports.charts import draw

        return PictureView(picture.title, standalone(draw(picture, anchor), picture.title, self.source))

    def rows(self, finding: str, program: str | Path | None = None) -> pd.DataFrame:
        """The rows behind a finding, read from the source anew: its cases, or both groups, in the source's types.

        Raises ``InputError`` as ``squaredeal rows`` does: for other data or another program than those of the run.
        """
        from audits.rows_beyond import fetched as fetched_rows
        from reports.workbench_rows import typed_frame

        found = fetched_rows(self.folder, finding, Path(program) if program else None)
        return typed_frame(found.headings, found.values)

    def money(self) -> pd.DataFrame:
        """What each harm cost, in money: figure, interval, what it is compared with, and whether a rule fixes that.

        ``headline`` marks the figure that is told first of a harm, ``additive`` those that share no money with another,
        ``basis`` says in words whether a rule fixes what is compared with, ``period`` the days that a sum is of where
        it is not the whole run's (``all``), ``cautions`` what must be known before relying on it. A harm without a
        figure says why, and what would give one.
        """
        import pandas as pd

        from audits.remedies.money import harm_costs
        from reports.money_data import in_money

        told = [
            (harm, *in_money(self.say, cost), cost.headline, cost.fixed, cost.additive, cost.estimate, cost.low,
             cost.high, cost.period, self._basis(cost), self._joined(cost.cautions))
            for harm, costs in harm_costs(self.record, self.judgement).items() for cost in costs
        ]  # fmt: skip
        columns = [
            "harm", "what", "who", "figure", "interval", "compared with", "headline", "fixed", "additive", "estimate",
            "low", "high", "period", "basis", "cautions",
        ]  # fmt: skip
        return pd.DataFrame(told, columns=columns)

    def _basis(self, cost: HarmCost) -> str:
        if cost.estimate is None:
            return ""
        if cost.rule:
            return self.say("in_money.rule", rule=cost.rule)
        return self.say("in_money.fixed" if cost.fixed else "in_money.estimated")

    def _joined(self, sentences: Sequence[str]) -> str:
        return self.say("join.sentences").join(self.say.sentence(one) for one in sentences)

    def compare(self, other: Run) -> ComparedView:
        """What differs in ``other``, a later run: inputs, verdicts, figures. Raises ``InputError`` for the same run."""
        from audits.comparing.compare import compare_folders

        if not isinstance(other, Run):
            raise InputError(Problem("other", repr(other), "another run, as load or latest gives it", "load it first"))
        return ComparedView(compare_folders(self.folder, other.folder), self.say)

    def remedies(self) -> RemediesView:
        """The newest search for less discriminatory alternatives of this period. Raises ``InputError`` for none."""
        folder = latest_remedies(self.folder.absolute().parent)
        if folder is None:
            raise InputError(Problem(
                str(self.folder.parent), "no search for remedies", "one of the same program and period",
                "make it with: squaredeal remedies PROGRAM --out FOLDER (docs/remedies.md)",
            ))  # fmt: skip
        return RemediesView(folder, read_remedies(folder), self.say)

    def __repr__(self) -> str:
        verdicts = ", ".join(f"{one.title}: {one.verdict or 'none'}" for one in self.page.harms)
        return f"{self.page.title.text} · {self.page.identity} · {verdicts or 'nothing judged'}"

    def _repr_html_(self) -> str:
        harms = Markup("").join(
            Markup("<tr><td>{}</td><td><b>{}</b></td><td>{}</td></tr>").format(*row) for row in self._harm_rows()
        )
        return str(
            Markup("<h4>{}</h4><p>{}</p><table>{}</table>").format(self.page.title.text, self.page.identity, harms)
        )

    def _harm_rows(self) -> Iterator[tuple[str, str, str]]:
        for one in self.page.harms:
            told = one.headline.sentence or one.headline.missing if one.headline else " ".join(one.messages)
            yield one.title, self.say(f"verdict.{one.verdict or 'none'}"), told
