"""The gate: are the data fit to judge with?

Question: does what we were given keep its contract? The harm of not asking: a gap measured on
duplicated, stale or unlabelled rows looks like any other number. Every planned check is run
where the data lie, through Great Expectations in the engine's own SQL, and each becomes a line
of the report. A failed stopping check makes the data unfit; the program judges nothing then.

Nothing is written, in the database or on disk, and nobody outside is spoken to.
"""

from __future__ import annotations

import datetime as dt
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from checks.check_report import CheckReport
from checks.expectation_results import check_result
from checks.expectations import build_suite, plan_checks
from checks.extra_checks import validate_extras
from checks.foreign_text import told_of
from checks.great_expectations_setup import quiet_context
from checks.inputs.grouping import group_rows
from checks.inputs.program import AuditProgram
from checks.inputs.source import RELATION, Source
from checks.personal_data import hidden_columns, personal_results
from checks.planned_check import PlannedCheck, named_columns
from checks.postgres_dialect import named_query_url
from checks.problem import UnavailableError
from checks.unavailable import did_not_answer, silent, tried_again

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.interfaces import Batch

RESULT_FORMAT: dict[str, Any] = {
    "result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True,
}  # fmt: skip

# expectations that ask which values occur and not in how many rows
_ON_LABELS = ("expect_column_distinct_values_to_contain_set", "expect_column_unique_value_count_to_be_between")
_MOST_VALUES = 1000


def run_checks(source: Source, program: AuditProgram, as_of: dt.date) -> CheckReport:
    """Run all checks of a program on an open source.

    ``as_of`` is the end of the period or the day of the run. Raises ``InputError`` for a check
    of the program that is not well put; a check that fails, or cannot be run, is a result.
    """
    planned = plan_checks(program, source.prepared, as_of)
    validate_extras(program)
    personal = personal_results(source, program)
    planned = without_values(planned, hidden_columns(personal))
    with _quietly(), answering(source), opened_batch(source) as batch:
        found = outcomes_on_labels(source, planned)
        rest = [i for i in range(len(planned)) if i not in found]
        found |= dict(zip(rest, outcomes_of(batch, [planned[i] for i in rest]), strict=True))
        outcomes = [found[i] for i in range(len(planned))]
        queries = offending_rows(batch, planned, outcomes)
    results = tuple(
        check_result(check, outcomes[i], queries.get(i), source, program.contract) for i, check in enumerate(planned)
    )
    results += personal
    fit = all(result.success or result.on_failure != "stop" for result in results)
    return CheckReport(fit, results, as_of.isoformat() if program.contract.freshness else None)


def without_values(planned: Sequence[PlannedCheck], hidden: frozenset[str]) -> tuple[PlannedCheck, ...]:
    """The same checks, of which those on hidden columns show no value."""
    named = [{*named_columns(check.arguments), check.column} for check in planned]
    return tuple(
        replace(check, shows="none") if columns & hidden else check
        for check, columns in zip(planned, named, strict=True)
    )


@contextmanager
def opened_batch(source: Source) -> Iterator[Batch]:
    """The prepared relation as a batch of Great Expectations; its connections are closed at the end."""
    url = source.sqlalchemy_url
    if source.engine == "postgresql":
        url = named_query_url(url, RELATION, source.relation)
    context = quiet_context()
    datasource = context.data_sources.add_sql(name="source", connection_string=url)
    try:
        asset = datasource.add_table_asset(name=RELATION, table_name=RELATION)
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        yield batch
    finally:
        datasource.get_engine().dispose()
        datasource.get_execution_engine().close()


@contextmanager
def answering(source: Source) -> Iterator[None]:
    """Raise ``UnavailableError`` where the source did not answer Great Expectations, which notes it as an outcome."""
    import sqlalchemy as sa

    lost: list[BaseException] = []

    def noticed(context: Any) -> None:
        error = context.original_exception
        if not lost and did_not_answer(error):
            lost.append(error)

    sa.event.listen(sa.Engine, "handle_error", noticed)
    try:
        with tried_again(source.address):
            yield
    except UnavailableError:
        raise
    except Exception:
        if not lost:
            raise
    finally:
        sa.event.remove(sa.Engine, "handle_error", noticed)
    if lost:
        raise silent(source.address, told_of(lost[0]))


def outcomes_on_labels(source: Source, planned: Sequence[PlannedCheck]) -> dict[int, Any]:
    """Outcomes, by position, of the checks that ask only which values occur, from one GROUP BY for each column.

    The engine lists the different values and Great Expectations judges that list; columns with too
    many values to list are left to the engine altogether.
    """
    asked: dict[str, list[int]] = {}
    for i, check in enumerate(planned):
        if check.expectation in _ON_LABELS and check.place.startswith("contract."):
            asked.setdefault(str(check.arguments["column"]), []).append(i)
    found: dict[int, Any] = {}
    for column, positions in asked.items():
        values = _different(source, column)
        if values is not None:
            frame = pd.DataFrame({column: pd.Series(values, dtype=object)})
            with frame_batch(frame) as batch:
                found |= dict(zip(positions, outcomes_of(batch, [planned[i] for i in positions]), strict=True))
    return found


def _different(source: Source, column: str) -> list[Any] | None:
    """The different values of a column, without missing ones; None when there are too many to list."""
    grouped = group_rows(source.table, {"value": source.table[column]}, {})
    rows = source.rows(grouped.select("value").limit(_MOST_VALUES + 1))
    return [value for (value,) in rows if value is not None] if len(rows) <= _MOST_VALUES else None


@contextmanager
def frame_batch(frame: pd.DataFrame) -> Iterator[Batch]:
    """A small frame as a batch of Great Expectations."""
    asset = quiet_context().data_sources.add_pandas(name="labels").add_dataframe_asset(name="labels")
    yield asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})


def outcomes_of(batch: Batch, planned: Sequence[PlannedCheck]) -> list[Any]:
    """One outcome per planned check, in the same order: a validation result, or the exception instead of it."""
    results = _validated(batch, planned, RESULT_FORMAT)
    lost = ValueError("Great Expectations gave no result")
    return [results.get(i, lost) for i in range(len(planned))]


def offending_rows(batch: Batch, planned: Sequence[PlannedCheck], outcomes: Sequence[Any]) -> dict[int, str]:
    """For each failed check whose values may be shown: SQL for the rows that broke it, by position.

    Asked for in a second run, so that a text that cannot be written never spoils an outcome.
    """
    positions = [
        i for i, (check, outcome) in enumerate(zip(planned, outcomes, strict=True))
        if check.shows == "values" and not isinstance(outcome, Exception) and not outcome.success
    ]  # fmt: skip
    if not positions:
        return {}
    with_query = RESULT_FORMAT | {"return_unexpected_index_query": True}
    results = _validated(batch, [planned[i] for i in positions], with_query)
    queries = {positions[k]: (found.result or {}).get("unexpected_index_query") for k, found in results.items()}
    return {i: query for i, query in queries.items() if isinstance(query, str)}


def _validated(batch: Batch, planned: Sequence[PlannedCheck], result_format: dict[str, Any]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for result in batch.validate(build_suite(planned), result_format=result_format).results:
        config: Any = result.expectation_config
        found[int(config.meta["position"])] = result
    return found


@contextmanager
def _quietly() -> Iterator[None]:
    """Great Expectations without its warnings and log lines: what matters stands in the report."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
