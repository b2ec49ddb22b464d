"""How often a program runs: a preset or a cron line, read without Airflow, so that every command refuses a bad one."""

from __future__ import annotations

from checks.inputs.yaml_reader import Place
from checks.problem import listed, suggest

PRESETS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 1", "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *", "@yearly": "0 0 1 1 *",
}  # fmt: skip


def read_schedule(place: Place, dated: bool) -> str | None:
    """The cron line of five fields; None after a complaint.

    ``dated`` says that a time column cuts the rows into periods: periods are whole days, so
    that nothing may then run more than once a day.
    """
    text = place.text()
    cron = PRESETS.get(text, text)
    if len(cron.split()) != 5 or cron.startswith("@"):
        expected = f"{listed(PRESETS)}, or a cron line of five fields"
        place.complain(f"'{text}'", expected, suggest(text, PRESETS))
        return None
    if cron == text:
        from croniter import croniter
    else:  # a preset needs no reader, which takes a while to import
        return _whole_days(place, text, cron, dated and text == "@hourly")
    try:
        timer = croniter(cron)
        fields, _ = timer.expanded, timer.get_next()  # some lines, such as 30 February, never come round
    except Exception as error:  # noqa: BLE001 - whatever a cron library finds wrong with the line
        place.complain(
            f"'{text}' ({error})", "a cron line of five fields in their ranges",
            "mend the line, or use a preset such as @monthly",
        )  # fmt: skip
        return None
    times = [len(field) if "*" not in field else 60 for field in fields[:2]]
    return _whole_days(place, text, cron, dated and times[0] * times[1] > 1)


def _whole_days(place: Place, text: str, cron: str, too_often: bool) -> str | None:
    if not too_often:
        return cron
    place.complain(
        f"'{text}', more than once a day, beside a time column", "at most one run a day: periods are whole days",
        "use @daily or a longer interval",
    )  # fmt: skip
    return None
