"""When a task is tried again: only where something did not answer, and with growing patience.

Bad input, unfit data and faults of the code are told at once. A task whose process was killed is tried again by
Airflow itself.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from checks.inputs.operation import Operation

_LONGEST_WAIT = dt.timedelta(minutes=15)
_DID_NOT_ANSWER: list[Any] = [
    "checks.problem.UnavailableError",
    OSError,  # the disk, the network
    "airflow.sdk.exceptions.AirflowRuntimeError",  # Airflow's own server
    "httpx.TransportError",
]


def patience(operation: Operation) -> dict[str, Any]:
    """Arguments of all tasks of a program: how often, after how long, and after which errors they are tried again."""
    return {
        "retries": operation.retries,
        "retry_delay": operation.retry_after,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": max(_LONGEST_WAIT, operation.retry_after),
        "retry_policy": ExceptionRetryPolicy(
            [RetryRule(_DID_NOT_ANSWER, RetryAction.RETRY, reason="it did not answer")], RetryAction.FAIL
        ),
    }
