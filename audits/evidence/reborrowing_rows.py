"""Loans in order, as SQL that both engines speak: what each loan followed, what followed it, and its codes."""

from __future__ import annotations

from audits.evidence.reborrowing_layout import MONEY_PLACES, SETS, Grid, Layout


def _band(name: str, found: Grid, least: int) -> str:
    """SQL: the band of a ratio, or −1 where it is not known."""
    if not found.counts:
        return "-1"
    cases = "".join(f" WHEN {name} <= {edge} THEN {i}" for i, edge in enumerate(found.edges))
    return f"CASE WHEN {name} IS NULL OR {name} < {least} THEN -1{cases} ELSE {len(found.edges)} END"


def _cell(layout: Layout) -> str:
    """SQL: the cell of equal affordability as one number, or −1."""
    parts = [(f"s{i}", size) for i, size in enumerate(layout.radix)]
    ratios = layout.grids[:-1]
    parts += [(f"({_band(f'x{i}', one, 0)})", max(one.bands, 1)) for i, one in enumerate(ratios)]
    if not parts:
        return "0"
    number = "0"
    for name, size in parts:
        number = f"({number}) * {size} + {name}"
    least = f"least({', '.join(name for name, _ in parts)})" if len(parts) > 1 else parts[0][0]
    return f"CASE WHEN {least} < 0 THEN -1 ELSE {number} END"


def loans_sql(layout: Layout) -> str:
    """``WITH … loans AS (…)``: one row a usable loan.

    ``place`` in the borrower's order, ``twin`` of the loan before in time and unit, ``place_in`` its chain, ``start`` a
    code of how the chain began, ``before`` days since the debt before ended, ``d_before`` the day of the loan before,
    ``j`` the band of the next loan, ``m`` the bands seen, ``ends`` whether the chain goes on (0), ended, is unknown or
    running (3); codes ``a…``, ``cell``, ``fee``; money ``f`` and ``p``; ``g`` borrower or set.
    """
    reach, last, first = layout.need.gap_days, layout.last or 0, layout.first or 0
    bands = "".join(f" WHEN next - reach <= {edge} THEN {i}" for i, edge in enumerate(layout.edges))
    seen = " + ".join(f"CASE WHEN reach + {edge} <= {last} THEN 1 ELSE 0 END" for edge in layout.edges)
    codes = "".join(f", a{i}" for i in range(len(layout.labels)))
    size = len(layout.edges)
    key = _set_of(layout)
    same = "o = lag(o) OVER w AND u IS NOT DISTINCT FROM lag(u) OVER w"
    twin = f"CASE WHEN {same} THEN 1 ELSE 0 END" if layout.need.unit else "0"
    scaled = ", ".join(
        f"floor({name} * {2.0 ** (MONEY_PLACES - scale):.17e} + 0.5) AS {name}"
        for name, scale in zip(("f", "p"), layout.scales, strict=True)
    )
    return f"""WITH b AS ({layout.base}),
        ordered AS (
            SELECT e, d, c{codes}, {_cell(layout)} AS cell, {_band("y", layout.grids[-1], 1)} AS fee, {scaled},
            row_number() OVER w AS place, lag(d) OVER w AS d_before, lead(d) OVER w AS next,
            lag(CASE WHEN c IS NULL THEN 1 ELSE 0 END) OVER w AS endless, {twin} AS twin,
            max(c) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached,
            max(c) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS reach
            FROM b WHERE e IS NOT NULL AND d IS NOT NULL WINDOW w AS (PARTITION BY e ORDER BY {layout.order})
        ),
        linked AS (
            SELECT *, CASE WHEN d - reached <= {reach} THEN 0 WHEN endless = 1 THEN 2
            WHEN place = 1 AND d < {first + reach} THEN 3 ELSE 1 END AS begins,
            CASE WHEN next IS NULL THEN {size}{bands} ELSE {size} END AS j,
            CASE WHEN c IS NULL THEN -1 ELSE {seen} END AS m,
            CASE WHEN d - reached <= {reach} OR endless = 0 THEN d - reached END AS before
            FROM ordered
        ),
        chained AS (
            SELECT *, max(CASE WHEN begins > 0 THEN place * 4 + begins END) OVER v AS chain,
            max(CASE WHEN d = reached THEN NULL ELSE place END) OVER v AS same_start
            FROM linked WINDOW v AS (PARTITION BY e ORDER BY place ROWS UNBOUNDED PRECEDING)
        ),
        loans AS (
            SELECT place, twin, place - (chain >> 2) + 1 AS place_in, chain & 3 AS start, before, d, d_before,
            j, m{codes}, cell, fee, f, p, same_start, {key} AS g,
            CASE WHEN j < {size} THEN 0 WHEN m = {size} OR (m >= 0 AND next IS NOT NULL) THEN 1
            WHEN next IS NOT NULL THEN 2 ELSE 3 END AS ends
            FROM chained
        )"""  # noqa: S608 - names of columns are our own


def _set_of(layout: Layout) -> str:
    """SQL: the borrower, or with very many loans the set that he falls into."""
    if not layout.grouped:
        return "e"
    return f"(e % {SETS})" if layout.whole_numbers else "substr(md5(CAST(e AS varchar)), 1, 3)"
