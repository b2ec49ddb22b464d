"""The one check of a pair that Great Expectations lacks: two columns differ in every row.

Question: is a relation ``left != right`` kept? Rows where a value is missing are left out by
the caller's ``ignore_row_if``. Importing this module registers the metric and the expectation
``expect_column_pair_values_to_differ``, so only code that runs checks imports it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnPairMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import (
    column_pair_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_map_metric_provider import (
    ColumnPairMapMetricProvider,
)


class ColumnPairValuesDiffer(ColumnPairMapMetricProvider):  # type: ignore[misc]
    """Per row: whether the two values differ."""

    condition_metric_name = "column_pair_values.differ"
    condition_domain_keys = (
        "batch_id", "table", "column_A", "column_B", "row_condition", "condition_parser", "ignore_row_if",
    )  # fmt: skip
    condition_value_keys = ()

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_A: Any, column_B: Any, **_: Any) -> Any:  # noqa: N803, N805 - as its caller demands
        return column_A != column_B

    @column_pair_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column_A: Any, column_B: Any, **_: Any) -> Any:  # noqa: N803, N805 - as its caller demands
        return column_A != column_B


class ExpectColumnPairValuesToDiffer(ColumnPairMapExpectation):  # type: ignore[misc]
    """Expect the values of column A to differ from those of column B."""

    ignore_row_if: str = "either_value_is_missing"
    map_metric: ClassVar[str] = "column_pair_values.differ"
    domain_keys: ClassVar[tuple[str, ...]] = (
        "batch_id", "table", "column_A", "column_B", "row_condition", "condition_parser", "ignore_row_if",
    )  # fmt: skip
    args_keys: ClassVar[tuple[str, ...]] = ("column_A", "column_B")
