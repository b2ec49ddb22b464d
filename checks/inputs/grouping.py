"""GROUP BY before cleaning: labels are made from the few raw values that occur, not row by row.

A label is a function of one raw value (trimmed, renamed, written as text). Grouping by the raw
values first and cleaning afterwards gives the same cells at the cost of a plain GROUP BY. Bands
of a number are the exception: a number may have many values, so its band is what is grouped by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

ROWS = "rows"


def group_rows(table: ir.Table, keys: Mapping[str, ir.Value], figures: Mapping[str, ir.Value]) -> ir.Table:
    """Rows and sums by keys: one column for each key, then ``rows``, then the sum of each figure.

    ``keys`` and ``figures`` are expressions over ``table``; figures are integers, so that sums are exact.
    """
    import ibis

    nodes = {name: _on_raw(table, key) for name, key in keys.items()}
    leaves = list(dict.fromkeys(leaf for node in nodes.values() for leaf in _leaves(node)))
    raw = _raw(table)
    totals = {f"f{i}": _on_raw(table, figure).to_expr().sum() for i, figure in enumerate(figures.values())}
    inner = raw.group_by(**{f"k{i}": leaf.to_expr() for i, leaf in enumerate(leaves)}) if leaves else raw
    grouped = inner.aggregate(n=raw.count(), **totals)
    places = {leaf: grouped[f"k{i}"].op() for i, leaf in enumerate(leaves)}
    cleaned = grouped.select(
        **{f"c{i}": node.replace(places).to_expr() for i, node in enumerate(nodes.values())},
        n=grouped["n"], **{name: grouped[name] for name in totals},
    )  # fmt: skip
    outer = cleaned.group_by([f"c{i}" for i in range(len(nodes))]) if nodes else cleaned
    result = outer.aggregate(n=cleaned["n"].sum(), **{name: cleaned[name].sum() for name in totals})
    names = [*(f"c{i}" for i in range(len(nodes))), "n", *totals]
    return result.select(*(ibis._[name] for name in names)).rename(
        dict(zip([*keys, ROWS, *figures], names, strict=True))
    )


def raw_labels(
    source: Source, keys: Mapping[str, ir.Value], most: int | None = None
) -> dict[str, list[tuple[Any, Any]]]:
    """For each key that rests on a single raw value: the raw values that occur, with the label each gives. One scan.

    At most ``most`` combinations of raw values are listed. Keys over a type whose values do not survive the way to
    Python and back into SQL are left out.
    """
    table = source.table
    raw = _raw(table)
    found: dict[str, list[tuple[Any, Any]]] = {}
    nodes = {name: _on_raw(table, key) for name, key in keys.items()}
    leaves = {name: list(dict.fromkeys(_leaves(node))) for name, node in nodes.items()}
    plain = {name: parts[0] for name, parts in leaves.items() if len(parts) == 1 and _survives(parts[0].dtype)}
    if not plain:
        return found
    grouped = raw.group_by(**{f"k{i}": leaf.to_expr() for i, leaf in enumerate(plain.values())}).aggregate(
        n=raw.count()
    )
    places = {leaf: grouped[f"k{i}"].op() for i, leaf in enumerate(plain.values())}
    labels = {f"c{i}": nodes[name].replace(places).to_expr() for i, name in enumerate(plain)}
    listed = grouped.select(*(grouped[f"k{i}"] for i in range(len(plain))), **labels)
    rows = source.rows(listed if most is None else listed.limit(most))
    for i, name in enumerate(plain):
        found[name] = list({(row[i], row[len(plain) + i]) for row in rows})
    return found


def raw_counts(source: Source, key: ir.Value, most: int) -> list[tuple[Any, Any, int]] | None:
    """The raw values of a key that rests on a single one, with the label that each gives and its rows. One scan.

    None where there are more than ``most``, or where values do not survive the way to Python and back.
    """
    table = source.table
    raw, node = _raw(table), _on_raw(table, key)
    leaves = list(dict.fromkeys(_leaves(node)))
    if len(leaves) != 1 or not _survives(leaves[0].dtype):
        return None
    grouped = raw.group_by(k=leaves[0].to_expr()).aggregate(n=raw.count())
    label = node.replace({leaves[0]: grouped["k"].op()}).to_expr()
    rows = source.rows(grouped.select(grouped["k"], c=label, n=grouped["n"]).limit(most + 1))
    return None if len(rows) > most else [(value, one, int(n)) for value, one, n in rows]


def coded(source: Source, keys: Mapping[str, ir.Value], labels: Mapping[str, list[Any]], few: int) -> Any:
    """A number for each combination of labels, on the raw relation: position in mixed radix, or None if too many.

    The first label of each key counts as 0. ``few`` bounds the raw values of a key. Rows are told
    apart by their raw value where a literal of it is sure to equal it, else by the label's text. One scan.
    """
    import ibis

    known = raw_labels(source, keys)
    if any(len(known.get(name, ())) > few for name in keys):
        return None
    number = ibis.literal(0, "int32")
    for name, key in keys.items():
        node = _on_raw(source.table, key)
        if name in known:
            leaf = next(iter(_leaves(node))).to_expr()
            pairs = [(leaf == _literal(raw, leaf.type()), label) for raw, label in known[name] if label is not None]
        else:
            pairs = [(node.to_expr() == label, label) for label in labels[name] if label is not None]
        place = {label: i for i, label in enumerate(labels[name])}
        cases = [(test, ibis.literal(place[label], "int32")) for test, label in pairs if label in place]
        other = ibis.literal(place[None], "int32") if None in place else ibis.null("int32")
        number = number * len(labels[name]) + (ibis.cases(*cases, else_=other) if cases else other)
    return number


def mapped(
    source: Source, key: ir.Value, numbers: Mapping[Any, int], known: list[tuple[Any, Any]], other: ir.Value
) -> Any:
    """The whole number of a row's label, on the raw relation; ``other`` for a label that has none.

    ``known`` are the raw values by which rows are told apart; without them it is the label's text.
    """
    import ibis

    node = _on_raw(source.table, key)
    if known:
        leaf = next(iter(_leaves(node))).to_expr()
        pairs = [(leaf == _literal(raw, leaf.type()), label) for raw, label in known if raw is not None]
    else:
        pairs = [(node.to_expr() == label, label) for label in numbers]
    ordered = sorted(pairs, key=lambda pair: str(pair[1]))
    cases = [(test, ibis.literal(numbers[label], other.type())) for test, label in ordered if label in numbers]
    return ibis.cases(*cases, else_=other) if cases else other


def only_leaf(table: ir.Table, value: ir.Value) -> ir.Value | None:
    """The one raw value that a value is made of; None where there are several."""
    leaves = list(dict.fromkeys(_leaves(_on_raw(table, value))))
    return leaves[0].to_expr() if len(leaves) == 1 else None


def _survives(dtype: Any) -> bool:
    """Whether a value fetched into Python equals the column's own when it is written into SQL again.

    Decimals, single floats, times, texts of enumerations and nested values may be rounded, converted or refused.
    """
    return bool(
        dtype.is_boolean() or dtype.is_string() or dtype.is_float64() or (dtype.is_integer() and not dtype.is_uint64())
    )


def _literal(value: Any, dtype: Any) -> Any:
    """A float goes as text, which both engines read exactly; as a number DuckDB would take it for a decimal."""
    import ibis

    if value is None:
        return ibis.null(dtype)
    if dtype.is_float64():
        return ibis.literal(repr(value), "string").cast("float64")
    return ibis.literal(value, dtype)


def on_raw(table: ir.Table, columns: Mapping[str, ir.Value], condition: ir.Value | None) -> ir.Table:
    """Columns over ``table``, worked out on the raw relation beneath it, of the rows that meet a condition, if any."""
    raw = _raw(table)
    if condition is not None:
        raw = raw.filter(_on_raw(table, condition).to_expr())
    return raw.select(**{name: _on_raw(table, column).to_expr() for name, column in columns.items()})


def raw_relation(table: ir.Table) -> ir.Table:
    """The relation beneath the cleaning, where there is one: the contract's columns under their names."""
    return _raw(table)


def _raw(table: ir.Table) -> ir.Table:
    import ibis.expr.operations as ops

    node = table.op()
    return node.parent.to_expr() if isinstance(node, ops.Project) else table


def _on_raw(table: ir.Table, value: ir.Value) -> Any:
    """The value as a function of the relation that ``table`` selects from."""
    import ibis.expr.operations as ops

    node = table.op()
    if not isinstance(node, ops.Project):
        return value.op()
    return value.op().replace({table[name].op(): defined for name, defined in node.values.items()})


def _leaves(node: Any) -> list[Any]:
    """What to group by so that ``node`` can be worked out afterwards."""
    import ibis.expr.operations as ops

    if isinstance(node, ops.Field) or _is_band(node):
        return [node]
    if isinstance(node, (ops.IsNull, ops.NotNull)) and isinstance(node.arg, ops.Field):
        return [node]
    return [leaf for argument in node.__args__ for part in _parts(argument) for leaf in _leaves(part)]


def _parts(argument: Any) -> list[Any]:
    import ibis.expr.operations as ops

    if isinstance(argument, ops.Value):
        return [argument]
    return [part for part in argument if isinstance(part, ops.Value)] if isinstance(argument, tuple) else []


def _is_band(node: Any) -> bool:
    import ibis.expr.operations as ops

    bounds = (ops.Less, ops.LessEqual)
    return isinstance(node, ops.SearchedCase) and any(isinstance(case, bounds) for case in node.cases)
