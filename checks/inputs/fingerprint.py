"""The fingerprint of the data: the same for the same rows in any order, however they are stored.

Each row is written as netstrings (length, colon, text; NULL as ``-``) of its columns in the
order of their names and hashed with MD5; the two 64-bit halves of all digests are summed as
integers. Sums do not depend on row order or thread count, and unlike XOR they count repeated
rows. A number is written the same whether its column holds integers or floats (1, not 1.0),
since a missing value is enough to turn one into the other. Only columns that the contract names
are in it: what an audit derives from them comes of the program and the code, not of the data. A
conversion that changes values is another data set: a day that becomes a time of day, a code 007
that becomes 7. The fingerprint is the SHA-256 of
column names, their kinds, row count and both sums. It tells whether two runs saw the same
data; it is no defence against somebody who forges rows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from checks.inputs.loan_columns import CHECKED_ALONE, MONEY_YEARS
from checks.inputs.loan_products import DERIVED as REPLAYED
from checks.inputs.outcomes import OUTCOME
from checks.inputs.prepared import FAVOURABLE, as_text, group_column, kind_of
from checks.inputs.pricing_columns import NEW_ABOVE
from checks.inputs.program import AuditProgram
from checks.inputs.source import Source


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``digest`` is ``sha256:…``; ``rows`` the number of rows; ``columns`` maps name to kind (number, text …).

    ``columns`` holds what an audit derives too, of which the digest knows nothing.
    """

    digest: str
    rows: int
    columns: dict[str, str]


def fingerprint(source: Source, program: AuditProgram) -> Fingerprint:
    """Fingerprint of the contract's columns in the prepared relation, one scan."""
    hidden = {FAVOURABLE, OUTCOME, MONEY_YEARS, NEW_ABOVE, *REPLAYED, *CHECKED_ALONE}
    hidden |= {group_column(group.name) for group in program.contract.groups}
    table, used = source.table, program.contract.columns_used()
    shown = sorted(name for name in table.columns if name not in hidden)
    names = [name for name in shown if name in used]
    texts = table.select(**{f"c{i}": as_text(table[name]) for i, name in enumerate(names)})
    row = _joined([_netstring(f"c{i}") for i in range(len(names))])
    low, high = _HALVES[source.engine]
    rows, low_sum, high_sum = source.rows(
        f"SELECT count(*), sum({low}), sum({high}) "
        f"FROM (SELECT md5({row}) AS digest FROM ({source.backend.compile(texts)}) AS texts) AS hashed"
    )[0]
    kinds = {name: kind_of(table[name]) for name in shown}
    sums = [str(int(low_sum or 0)), str(int(high_sum or 0))]
    content = json.dumps([[(name, kinds[name]) for name in names], int(rows), sums], separators=(",", ":"))
    return Fingerprint("sha256:" + hashlib.sha256(content.encode()).hexdigest(), int(rows), kinds)


def _joined(parts: list[str]) -> str:
    """One text after another, halved again and again: engines refuse expressions thousands deep."""
    if len(parts) <= 1:
        return parts[0] if parts else "''"
    middle = len(parts) // 2
    return f"({_joined(parts[:middle])} || {_joined(parts[middle:])})"


def _netstring(text: str) -> str:
    return f"coalesce(CAST(length({text}) AS VARCHAR) || ':' || {text}, '-')"


def _postgres_half(first: int) -> str:
    parts = [f"('x' || substr(digest, {first + 8 * i}, 8))::bit(32)::bigint" for i in (0, 1)]
    unsigned = [f"(CASE WHEN {part} < 0 THEN {part} + 4294967296 ELSE {part} END)" for part in parts]
    return f"({unsigned[0]}::numeric * 4294967296 + {unsigned[1]})"


_HALVES = {
    "duckdb": (
        "CAST('0x' || substr(digest, 1, 16) AS UBIGINT)",
        "CAST('0x' || substr(digest, 17, 16) AS UBIGINT)",
    ),
    "postgresql": (_postgres_half(1), _postgres_half(17)),
}
