"""One line in a program, ``format: hmda``, fills in the roles that a register's columns play.

The roles stand in ``hmda_contract.yaml`` beside this file. What the program writes under
``contract`` comes first: a role it names replaces the derived one; under ``groups``, ``loan`` and
``columns`` that holds entry by entry, and an entry left empty is taken away. A derived role has
the line of ``format`` as its place, so that an error about it leads there.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from checks.inputs.yaml_reader import Place, read_yaml

FORMAT = "hmda"
_FILE = Path(__file__).with_name("hmda_contract.yaml")
_BY_ENTRY = ("groups", "loan", "columns")


def with_register_roles(root: Place) -> Place:
    """The program with the roles of a register filled in; the program itself when it names no register."""
    named = _entry(_entry(root.node, "source"), "format")
    if not isinstance(named, yaml.ScalarNode) or named.value != FORMAT:
        return root
    derived = read_yaml(_FILE, "contract of a register").node
    _place_at(derived, named)
    own = _entry(root.node, "contract")
    if own is not None and not isinstance(own, yaml.MappingNode) and own.value:
        return root  # no mapping: the reader of contracts says so
    contract = _merged(own, _entry(derived, "contract"), _BY_ENTRY)
    entries = [(key, value) for key, value in root.node.value if key.value != "contract"]
    entries.append((_key("contract", own or named), contract))
    if _entry(root.node, "scope") is None:
        entries.append((_key("scope", named), _entry(derived, "scope")))
    node = yaml.MappingNode(root.node.tag, entries, root.node.start_mark, root.node.end_mark)
    return Place(node, root.path, root.file, root.problems)


def _entry(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _key(name: str, beside: yaml.Node) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", name, beside.start_mark, beside.end_mark)


def _place_at(node: yaml.Node, other: yaml.Node) -> None:
    """Let a derived node and all within it bear the line of another one."""
    node.start_mark, node.end_mark = other.start_mark, other.end_mark
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            for inner in pair:
                _place_at(inner, other)
    elif isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            _place_at(inner, other)


def _merged(own: yaml.Node | None, derived: yaml.Node | None, by_entry: tuple[str, ...]) -> yaml.Node | None:
    """The program's entries, then the derived ones that it does not name."""
    if not isinstance(own, yaml.MappingNode) or not isinstance(derived, yaml.MappingNode):
        return derived
    given = {key.value for key, _ in own.value}
    entries = []
    for key, value in own.value:
        if key.value in by_entry and isinstance(value, yaml.MappingNode):
            entries.append((key, _without_empty(_merged(value, _entry(derived, key.value), ()))))
        else:
            entries.append((key, value))
    entries += [(key, value) for key, value in derived.value if key.value not in given]
    return yaml.MappingNode(own.tag, entries, own.start_mark, own.end_mark)


def _without_empty(node: yaml.Node | None) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        node.value = [(key, value) for key, value in node.value if not value.tag.endswith(":null")]
    return node
