"""The table of things that are looked at; a group shares a process."""

from __future__ import annotations

from dags.doctoring import data, machine, programs, scheduler, store
from dags.doctoring.finding import Probe

GROUPS: dict[str, tuple[Probe, ...]] = {
    "machine": machine.PROBES,
    "programs": programs.PROBES,
    "data": data.PROBES,
    "scheduler": scheduler.PROBES,
    "store": store.PROBES,
}
