"""A judged run as MLflow shows it: the words of the report page in Markdown for a description, and in text for tags.

MLflow renders descriptions as Markdown of GitHub's kind and shows pictures that its own server holds, so a picture is
named by its address there, and labels are escaped so that they show as they are. Pure: the same records and the same
place in a store give the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from audits.record import AuditRun, Judgement
from reports.html.page import readable
from reports.markdown import bullet, escaped, fitted, sentences, titled, woven
from reports.publish import page_names
from reports.report_model import CheckRow, HarmSummary, MeasuredFigure, ReportModel, RuleReading, Unanswered
from reports.standalone import picture_file
from reports.view import report_model
from reports.words import LANGUAGES, Words, language

DESCRIPTION_LIMIT = 8000  # characters of a run's tag
VERSION_LIMIT = 5000  # characters of the description of a model version
PER_HARM = ("squaredeal.verdict.", "squaredeal.figure.")  # what the tags of a harm begin with
_SHORT_LIMIT = 2800  # of these at most for each language after the first
_OTHERS, _ALSO, _OPEN = 6, 2, 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where MLflow keeps a run."""

    experiment: str
    run: str

    def file(self, path: str) -> str:
        """The address that serves an artifact, seen from MLflow's pages."""
        return f"get-artifact?path={path}&run_uuid={self.run}"

    def page(self, path: str = "") -> str:
        """The address of the run's page, or of the view of one of its artifacts."""
        return f"#/experiments/{self.experiment}/runs/{self.run}" + (f"/artifacts/{path}" if path else "")


def description(run: AuditRun, judgement: Judgement, at: Place) -> str:
    """What the page says first, in its first language, then in short in the others; within MLflow's limit."""
    first, *others = (report_model(run, judgement, language(lang)) for lang in LANGUAGES)
    short = [fitted(language(m.lang), _lines(language(m.lang), m, at, True), _SHORT_LIMIT) for m in others]
    rest = "".join(f"\n\n---\n\n{text}" for text in short)
    say = language(first.lang)
    return fitted(say, _lines(say, first, at, False), DESCRIPTION_LIMIT - len(rest)) + rest


def version_words(run: AuditRun, judgement: Judgement, at: Place) -> str:
    """A few lines for the description of a model version: the verdict on each harm, with a link to the run."""
    told = []
    for lang in LANGUAGES:
        say, model = language(lang), report_model(run, judgement, language(lang))
        link = f"[{escaped(model.identity)}]({at.page()})"
        told += [woven(say, "measure_of", measure=f"**{escaped(model.title.text)}**", who=link), ""]
        told += [bullet(_line(say, harm)) for harm in model.harms]
        told += [""] if model.harms else [bullet(f"**{say('nothing_judged')}**"), ""]
    return fitted(language(LANGUAGES[0]), told, VERSION_LIMIT // 3)


def beside(text: str, program: str, words: str) -> str:
    """A description with a program's words in it: in place of its earlier ones, after what others wrote.

    Without them, the earlier ones too, where the words have no room.
    """
    first, last = f"<!-- squaredeal: {program} -->", "<!-- /squaredeal -->"
    block = f"{first}\n{words}\n{last}"
    before, found, after = text.partition(first)
    rest = after.partition(last)[2] if found else ""
    told = f"{before}{block}{rest}" if found else f"{text.rstrip()}\n\n{block}".strip()
    if len(told) <= VERSION_LIMIT:
        return told
    return f"{before.rstrip()}\n\n{rest.lstrip()}".strip() if found else text


def pictures(run: AuditRun, judgement: Judgement) -> dict[str, str]:
    """The files of the pictures that the description shows, by the names that it gives them."""
    found = {}
    for lang in LANGUAGES:
        model = report_model(run, judgement, language(lang))
        for harm in model.harms:
            if harm.headline and harm.headline.picture:
                source = language(lang)("join.clauses").join((model.title.text, model.identity))
                found[_picture_name(harm.headline, lang)] = picture_file(harm.headline.picture, source)
    return found


def verdict_tags(run: AuditRun, judgement: Judgement) -> dict[str, str]:
    """The verdict on each harm and its headline as text, by the harm's name."""
    say = language(LANGUAGES[0])
    tags = {}
    for harm in report_model(run, judgement, say).harms:
        if harm.headline:
            tags[PER_HARM[0] + harm.headline.harm] = str(harm.verdict)
            tags[PER_HARM[1] + harm.headline.harm] = readable(_tag(say, harm.headline))[:1000]
    return tags


def _picture_name(figure: MeasuredFigure, lang: str) -> str:
    return f"figures/{figure.harm}.svg" if lang == LANGUAGES[0] else f"figures/{figure.harm}.{lang}.svg"


def _lines(say: Words, model: ReportModel, at: Place, short: bool) -> list[str]:
    """The description in one language, a Markdown line each."""
    page = page_names()[model.lang]
    lines = [f"**{escaped(model.title.text)}**  ", f"{escaped(model.question.text)}  "]
    lines += [f"{_versioned(say, model)}  "] if model.subject else []
    lines += _unfit(say, model, short)
    for harm in model.harms:
        lines += _harm(say, harm, at, short)
    if not model.harms:
        lines += [f"**{say('nothing_judged')}**  ", say("nothing_judged_note"), ""]
        lines += [*map(bullet, map(escaped, model.nothing_judged)), ""]
    lines += [woven(say, "tracked.page", page=f"[{page}]({at.page(page)})"), ""]
    lines += titled(say("cautions"), () if short else map(escaped, _cautions(model.harms)))
    open_first = model.unanswered[:_OPEN] if short else model.unanswered
    lines += titled(say("unanswered"), (_open(say, entry) for entry in open_first), escaped(model.not_asked))
    lines += titled(say("errors"), (_labelled(say, *map(escaped, (e.label, e.value))) for e in model.errors))
    remarks = [escaped(text) for text, _ in model.remarks]
    lines += titled(say("also"), remarks, say("not_legal"))
    if not short:
        lines += titled(say("warned"), (_check(say, row) for row in model.checks.having("warn")))
    return lines


def _versioned(say: Words, model: ReportModel) -> str:
    """The model version that was read, with a link to its page."""
    name, version = model.subject or ("", "")
    return woven(say, "tracked.model", model=f"[{escaped(name)} {version}](#/models/{quote(name)}/versions/{version})")


def _unfit(say: Words, model: ReportModel, short: bool) -> list[str]:
    if model.checks.fit:
        return []
    failed = model.checks.having("fail")
    text = say("unfit_text", count=len(failed)) if failed else say("unfit_text_none")
    rows = [bullet(_check(say, row)) for row in failed[: _OPEN if short else None]]
    return [f"**{_labelled(say, say('verdict.unfit'), say('unfit_title'))}**  ", text, "", *rows, ""]


def _harm(say: Words, harm: HarmSummary, at: Place, short: bool) -> list[str]:
    """The verdict on a harm, its headline in words, its picture, its rule, and its further results."""
    figure = harm.headline
    if figure is None:
        return [f"**{_verdict(say, harm)}**", "", *map(bullet, map(escaped, harm.messages)), ""]
    lines = [_line(say, harm) + ("  " if figure.sentence else "")]
    lines += [_told(say, figure)] if figure.sentence else []
    lines.append("")
    if figure.picture:
        lines += [f"![{escaped(figure.picture.title)}]({at.file(_picture_name(figure, say.lang))})", ""]
    lines += [*_rules(say, figure.rules), ""]
    if not short:
        rest = len(harm.others) - _OTHERS
        more = say("tracked.more", count=rest) if rest > 0 else ""
        lines += titled(say("others"), (_other(say, other) for other in harm.others[:_OTHERS]), more)
    return lines


def _told(say: Words, figure: MeasuredFigure) -> str:
    """The sentence of a figure, and why it decides nothing where it does not."""
    if not figure.undecided:
        return escaped(figure.sentence)
    why = say("undecided_is", undecided=figure.undecided.rstrip(".。"))
    return sentences(say, (escaped(figure.sentence), escaped(why)))


def _line(say: Words, harm: HarmSummary) -> str:
    """The verdict on a harm with the figure that matters, or why there is none."""
    told = _figure(say, harm.headline) if harm.headline else " ".join(map(escaped, harm.messages))
    return say("join.sentences").join((f"**{_verdict(say, harm)}**", told))


def _verdict(say: Words, harm: HarmSummary) -> str:
    return _labelled(say, escaped(harm.title), say(f"verdict.{harm.verdict or 'none'}"))


def _figure(say: Words, figure: MeasuredFigure) -> str:
    """``Adverse impact ratio (race: …): 0.779; 95% interval …; 1,989 applications: …``."""
    what = woven(say, "measure_of", measure=escaped(figure.title), who=escaped(figure.who))
    if figure.missing:
        return say("join.sentences").join((what, escaped(figure.missing)))
    sure = [escaped(text) for text in (figure.interval, figure.denominators) if text]
    return _labelled(say, what, say("join.clauses").join((f"**{escaped(figure.figure)}**", *sure)))


def _tag(say: Words, figure: MeasuredFigure) -> str:
    """The figure first, since MLflow shows the beginning of a tag: ``0.779; 95% interval …; odds ratio (…); …``."""
    what = say("measure_of", measure=figure.title, who=figure.who)
    told = (figure.figure, figure.interval, what, figure.missing or figure.denominators)
    return say("join.clauses").join(text for text in told if text)


def _rules(say: Words, rules: Sequence[RuleReading]) -> Iterator[str]:
    """The rule that decides with all that it rests on, and the others in short."""
    if not rules:
        return
    rule = rules[0]
    key = "headline_rule_open" if rule.verdict in ("unfit", "not_identified") else "headline_rule"
    told = [_labelled(say, say(key), _cited(say, rule, "**")), escaped(rule.status), escaped(rule.borrowed)]
    told.append(escaped(say("rule_limit_chip", limit=rule.limit, source=rule.limit_source)))
    told += [escaped(rule.reading), escaped(rule.standing)]
    told += [_labelled(say, escaped(fact.label), escaped(fact.value)) for fact in rule.judged]
    yield sentences(say, told) + ("  " if rules[1:] else "")
    if rules[1:]:
        also = say("join.clauses").join(_rule(say, other) for other in rules[1 : 1 + _ALSO])
        rest = len(rules) - 1 - _ALSO
        also = woven(say, "and_then", first=also, second=say("headline_more_count", count=rest)) if rest > 0 else also
        yield _labelled(say, say("headline_more"), also + say("full_stop"))


def _rule(say: Words, rule: RuleReading) -> str:
    limit = say("rule_limit", limit=rule.limit, source=rule.limit_source)
    return woven(say, "rule_also", rule=_cited(say, rule), status=escaped(rule.status), limit=escaped(limit))


def _cited(say: Words, rule: RuleReading, bold: str = "") -> str:
    return woven(say, "rule_cited", title=f"{bold}{escaped(rule.title.text)}{bold}", citation=escaped(rule.citation))


def _other(say: Words, figure: MeasuredFigure) -> str:
    verdict = say(f"verdict.{figure.verdict or 'none'}")
    told = _labelled(say, f"**{verdict}**", _figure(say, figure))
    return sentences(say, [told, *(_rule(say, rule) for rule in figure.rules[:1])])


def _cautions(harms: Iterable[HarmSummary]) -> dict[str, None]:
    """Every caution on what is shown, once."""
    figures = [figure for harm in harms for figure in (harm.headline, *harm.others[:_OTHERS]) if figure]
    told = [text for f in figures for text in (*f.cautions, *(c for rule in f.rules for c in rule.cautions))]
    return dict.fromkeys(told)


def _open(say: Words, entry: Unanswered) -> str:
    told = woven(say, "open", question=f"**{escaped(entry.question)}**", reason=escaped(entry.reason.rstrip(".。")))
    needed = woven(say, "needed_is", needed=escaped(entry.needed.rstrip(".。"))) if entry.needed else ""
    return woven(say, "and_then", first=told, second=needed) if needed else told


def _check(say: Words, row: CheckRow) -> str:
    told = [("check.expected", row.expected), ("check.found", row.observed), ("check.remedy", row.remedy)]
    parts = (_labelled(say, say(key), escaped(value.rstrip(".。"))) for key, value in told)
    return _labelled(say, f"**{escaped(row.place)}**", say("join.clauses").join(parts) + say("full_stop"))


def _labelled(say: Words, label: str, value: str) -> str:
    return woven(say, "labelled", label=label, value=value)
