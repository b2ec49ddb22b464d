"""Plays the whole board and writes its page; what was played before is kept, so a cut run goes on.

``python -m tests.truth.board [--seed 12345 …] [--scale 0.1] [--out docs/truth.md] [--processes 2] [--prices]
[--lending] [--access]``; ends with 1 when a check fails. ``--prices`` plays insurers alone, ``--lending`` predatory
lending alone, ``--access`` the way to credit alone; each leaves the rest of the page as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from audits.loyalty_pricing.tenure_gradient import TenureGradient
from tests.truth.board.access import access_scenarios
from tests.truth.board.access_page import TITLE as ACCESS
from tests.truth.board.access_page import access_part
from tests.truth.board.bands import Check
from tests.truth.board.insurers import priced_scenarios
from tests.truth.board.lending import lending_scenarios
from tests.truth.board.lending_page import TITLE as LENDING
from tests.truth.board.lending_page import lending_part
from tests.truth.board.lines import scenarios
from tests.truth.board.page import MISSING, Checks, page
from tests.truth.board.prices_page import TITLE as PRICES
from tests.truth.board.prices_page import prices_part
from tests.truth.board.replicates import ROOT, SEEDS, Results, board, checks, everything
from tests.truth.board.scenarios import Scenario

QUIET_SECONDS = 5.0  # between lines where nothing can be overwritten


def parts_of(file: Path) -> tuple[str, str, str, str]:
    """A page's parts on decisions, prices, lending and access, each empty where there is none."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    text = text.partition(f"\n{MISSING.splitlines()[0]}\n")[0]
    rest, _, access = text.partition(f"\n{ACCESS}")
    rest, _, lending = rest.partition(f"\n{LENDING}")
    first, _, prices = rest.partition(f"\n{PRICES}")
    return first, prices and PRICES + prices, lending and LENDING + lending, access and ACCESS + access


def written(
    part: int, played: tuple[Scenario, ...], places: range, results: Results, decided: Checks, seeds: Sequence[int]
) -> str:
    """The text of a part by its number."""
    if part == 0:
        return page(played[: len(places)], results, decided, seeds)
    if part == 1:
        return prices_part(played, places, results, decided, seeds, TenureGradient().error_tolerance)
    written_part = lending_part if part == 2 else access_part
    return written_part(played, places, results, decided, seeds)


def main() -> int:
    """Play, write, and say which checks fail."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth.board", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "truth.md", help="page to write")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the replicates to play")
    parser.add_argument("--seed", type=int, action="append", help=f"seed of files and names, may be repeated; {SEEDS}")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument("--prices", action="store_true", help="play insurers alone, and write their part anew")
    alone.add_argument("--lending", action="store_true", help="play predatory lending alone, and write its part anew")
    alone.add_argument("--access", action="store_true", help="play the way to credit alone, and write its part anew")
    asked = parser.parse_args()
    seeds = tuple(dict.fromkeys(asked.seed or SEEDS))
    if not asked.scale > 0 or asked.processes < 1 or min(seeds) < 0:
        parser.error("expected a scale above 0, at least one process and seeds from 0 on")
    start, played = time.monotonic(), everything()
    sizes = [len(own()) for own in (scenarios, priced_scenarios, lending_scenarios, access_scenarios)]
    parts = [range(one, other) for one, other in pairwise([0, *accumulate(sizes)])]
    alone_asked = [False, asked.prices, asked.lending, asked.access]
    anew = alone_asked if any(alone_asked) else [True] * len(parts)
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
    places = [place for part, plays in zip(parts, anew, strict=True) if plays for place in part]
    results = board(played, seeds, asked.scale, kept, asked.processes, announce, places)
    texts = list(parts_of(asked.out))
    found: dict[tuple[int, str, str, str], Check] = {}
    for i, (part, plays) in enumerate(zip(parts, anew, strict=True)):
        if plays:
            decided = checks(played, results, part)
            found |= decided
            texts[i] = written(i, played, part, results, decided, seeds)
    asked.out.write_text("\n".join([text for text in [*texts, MISSING] if text]), encoding="utf-8")
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
