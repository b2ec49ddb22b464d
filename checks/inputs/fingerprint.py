"""The fingerprint of the data: the same for the same rows in any order.

Each row is written as netstrings (length, colon, text; NULL as ``-``) of its columns in the
order of their names and hashed with MD5; the two 64-bit halves of all digests are summed as
integers. Sums do not depend on row order or thread count, and unlike XOR they count repeated
rows. The fingerprint is the SHA-256 of column names, types, row count and both sums. It
tells whether two runs saw the same data; it is no defence against somebody who forges rows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from checks.inputs.prepared import FAVOURABLE, group_column
from checks.inputs.program import AuditProgram
from checks.inputs.source import Source

_MODULUS = 2**64


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``digest`` is ``sha256:…``; ``rows`` the number of rows; ``columns`` maps name to type."""

    digest: str
    rows: int
    columns: dict[str, str]


def fingerprint(source: Source, program: AuditProgram) -> Fingerprint:
    """Fingerprint of the contract's columns in the prepared relation, one scan."""
    derived = {FAVOURABLE, *(group_column(group.name) for group in program.contract.groups)}
    types = {name: str(dtype) for name, dtype in source.table.schema().items() if name not in derived}
    text = " || ".join(_netstring(name) for name in sorted(types))
    low, high = _HALVES[source.engine]
    sql = (
        f"SELECT count(*), sum({low}), sum({high}) FROM (SELECT md5({text}) AS digest FROM {source.relation}) AS hashed"
    )
    rows, low_sum, high_sum = source.rows(sql)[0]
    sums = [str(int(low_sum or 0)), str(int(high_sum or 0))]
    content = json.dumps([sorted(types.items()), int(rows), sums], separators=(",", ":"))
    return Fingerprint("sha256:" + hashlib.sha256(content.encode()).hexdigest(), int(rows), types)


def _netstring(column: str) -> str:
    name = '"' + column.replace('"', '""') + '"'
    text = f"CAST({name} AS VARCHAR)"
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
