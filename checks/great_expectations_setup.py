"""Great Expectations made ready: no reports home, no progress bars, nothing kept on disk.

Importing Great Expectations takes seconds, so nothing here imports it before it is called.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from checks import duckdb_dialect, postgres_dialect

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext


def prepare_great_expectations() -> None:
    """Switch usage statistics off and make our dialects and expectations known. May be called again."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    duckdb_dialect.register()
    postgres_dialect.register()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import checks.differing_pairs  # noqa: F401 - registers the expectation


def quiet_context() -> EphemeralDataContext:
    """A context that lives in memory only."""
    prepare_great_expectations()
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context
