"""Plays the whole board and writes its page; what was played before is kept, so a cut run goes on.

``python -m tests.truth.board [--seed 12345 …] [--scale 0.1] [--out docs/truth.md] [--processes 2] [--prices]``; ends
with 1 when a check fails. ``--prices`` plays insurers alone and leaves the rest of the page as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from audits.loyalty_pricing.tenure_gradient import TenureGradient
from tests.truth.board.lines import scenarios
from tests.truth.board.page import MISSING, page
from tests.truth.board.prices_page import TITLE, prices_part
from tests.truth.board.replicates import ROOT, SEEDS, board, checks, everything

QUIET_SECONDS = 5.0  # between lines where nothing can be overwritten


def first_part(file: Path) -> str:
    """What a page has before its part on prices; nothing where there is no page."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    for heading in (TITLE, MISSING.splitlines()[0] + "\n"):
        text = text.partition(f"\n{heading}")[0]
    return text


def main() -> int:
    """Play, write, and say which checks fail."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth.board", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "truth.md", help="page to write")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the replicates to play")
    parser.add_argument("--seed", type=int, action="append", help=f"seed of files and names, may be repeated; {SEEDS}")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--prices", action="store_true", help="play insurers alone, and write their part anew")
    asked = parser.parse_args()
    seeds = tuple(dict.fromkeys(asked.seed or SEEDS))
    if not asked.scale > 0 or asked.processes < 1 or min(seeds) < 0:
        parser.error("expected a scale above 0, at least one process and seeds from 0 on")
    start, played, lenders = time.monotonic(), everything(), range(len(scenarios()))
    insurers = range(len(lenders), len(played))
    live, told = sys.stderr.isatty(), [-QUIET_SECONDS]

    def announce(text: str) -> None:
        now = time.monotonic() - start
        if not live and now - told[0] < QUIET_SECONDS:
            return
        told[0] = now
        line = f"[{now:5.0f} s] {text}"
        sys.stderr.write(f"\r\x1b[K{line}" if live else f"{line}\n")
        sys.stderr.flush()

    kept = asked.out.with_name(f".{asked.out.stem}-kept.jsonl")
    chosen = insurers if asked.prices else range(len(played))
    results = board(played, seeds, asked.scale, kept, asked.processes, announce, chosen)
    priced = checks(played, results, insurers)
    if asked.prices:
        found, first = priced, first_part(asked.out)
    else:
        decided = checks(played, results, lenders)
        found, first = decided | priced, page(played[: len(lenders)], results, decided, seeds)
    second = prices_part(played, insurers, results, priced, seeds, TenureGradient().error_tolerance)
    asked.out.write_text("\n".join([first, second, MISSING]), encoding="utf-8")
    failed = [key for key, check in found.items() if not check.held]
    if live:
        sys.stderr.write("\n")
    print(f"{len(found) - len(failed)} of {len(found)} checks hold; {asked.out}")
    for s, effect, name, target in failed:
        check = found[s, effect, name, target]
        print(f"FAILS: {played[s].name}, {name}: {target} ({effect}): {check.count} of {check.replicates}, "
              f"band {check.low} to {check.high}")  # fmt: skip
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
