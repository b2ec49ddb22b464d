"""A notice in words: subject, text and page of a mail."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from dags.notices.notice import Notice

HEADS = {
    "awaiting": "An approval is asked for",
    "flagged": "A breach or a concern was found",
    "failed": "A task failed and is not tried again",
    "unfit": "The data are unfit: nothing was judged",
    "late": "The audit is late",
    "released": "Released",
    "rejected": "Rejected: nothing was released",
    "expired": "Nobody answered in time: nothing was released",
    "test": "A test: nothing happened",
}
_LINKS = (("report", "Report"), ("approval", "Approve or reject"), ("run", "Run in Airflow"))
_STYLE = "font-family:sans-serif;font-size:15px;line-height:1.45;max-width:46em"


def head(notice: Notice) -> str:
    """What happened."""
    if notice.kind == "flagged" and notice.failed_questions and not notice.findings:
        return "A question failed"
    return HEADS[notice.kind]


def subject(notice: Notice) -> str:
    """One line: what happened, of which program, which run."""
    return f"[Squaredeal] {head(notice)}: {title(notice)}{_run(notice)}"[:200]


def title(notice: Notice) -> str:
    """The program's title in English, and in Chinese where it has one."""
    english, chinese = notice.title.get("en", notice.program), notice.title.get("zh")
    return f"{english} ({chinese})" if chinese and chinese != english else english


def _run(notice: Notice) -> str:
    version = f" v{notice.version}" if notice.version else ""
    return f", {notice.period}{version}" if notice.period else ""


def facts(notice: Notice) -> Iterator[tuple[str, str]]:
    """Names and values, in the order in which they are told; what is not known is left out."""
    model = f"{notice.model} version {notice.model_version}" if notice.model_version else notice.model
    told = (
        ("Program", f"{title(notice)} [{notice.program}]"), ("Owner", notice.owner or "nobody is named"),
        ("Tier", notice.tier), ("Period", notice.period), ("Version", f"v{notice.version}" if notice.version else ""),
        ("Model", model or ""), ("Task", notice.task), ("Reason", notice.reason),
        ("Findings", ", ".join(f"{count} {verdict}" for verdict, count in notice.verdicts.items())),
        ("Questions that failed", ", ".join(notice.failed_questions)),
    )  # fmt: skip
    return ((name, value) for name, value in told if value)


def links(notice: Notice) -> Iterator[tuple[str, str]]:
    """Words and addresses of what can be opened."""
    for name, words in _LINKS:
        address = getattr(notice.links, name)
        if address:
            yield words, address


def text(notice: Notice) -> str:
    """The mail as plain text."""
    lines = [head(notice), "", *(f"{name}: {value}" for name, value in facts(notice)), ""]
    for one in notice.findings:
        lines += [
            f"- {one.verdict.upper()}: {one.explanation}",
            f"  rule {one.rule} ({one.citation}), finding {one.id}",
        ]
    lines += [f"- {one.place}: expected {one.expected}. To do: {one.remedy}" for one in notice.checks]
    if notice.more:
        lines.append(f"- and {notice.more} more")
    lines += ["", *(f"{words}: {address}" for words, address in links(notice))]
    return "\n".join(lines).rstrip() + "\n"


def page(notice: Notice) -> str:
    """The mail as HTML: no script, no picture, nothing fetched; every value escaped."""
    rows = "".join(
        f"<tr><th align=left valign=top>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in facts(notice)
    )
    told = [
        f"<li><b>{escape(one.verdict)}</b>: {escape(one.explanation)}<br><small>rule {escape(one.rule)} "
        f"({escape(one.citation)}), finding {escape(one.id)}</small></li>"
        for one in notice.findings
    ]
    told += [
        f"<li>{escape(one.place)}: expected {escape(one.expected)}. To do: {escape(one.remedy)}</li>"
        for one in notice.checks
    ]
    told += [f"<li>and {notice.more} more</li>"] if notice.more else []
    listed = f"<ul>{''.join(told)}</ul>" if told else ""
    anchors = "".join(f'<p><a href="{escape(address)}">{escape(words)}</a></p>' for words, address in links(notice))
    heading = escape(head(notice))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{heading}</title><body style="{_STYLE}">'
        f"<h1>{heading}</h1><table cellpadding=4>{rows}</table>{listed}{anchors}</body></html>\n"
    )
