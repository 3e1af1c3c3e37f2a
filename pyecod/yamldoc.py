"""YAML files: read by one door, without tags, deep nesting, bombs of aliases, keys given twice or endless numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from pyecod.errors import PyecodError

_DEEPEST = 40  # deeper nesting can crash the parser
_LARGEST = 256 * 2**20
_MOST_VALUES = 20_000_000  # aliases counted as what they stand for
_LARGEST_INTEGER = 2**63

DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The safe dumper, by libyaml where it is there."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, with a key that stands twice, and a whole number that no database has, being errors."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            keys: Iterable[Any] = [key.value for key, _ in node.value]
            twice = next((key for i, key in enumerate(keys) if key in list(keys)[:i]), "a key")
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} stands there twice", node.start_mark)
        return mapping

    def integer(self, node: yaml.ScalarNode) -> int:
        """A whole number of at most 64 bits."""
        value = int(self.construct_yaml_int(node))
        if abs(value) >= _LARGEST_INTEGER:
            problem = f"the number {node.value[:20]}… of {len(node.value)} digits is too large"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.integer)


def load_yaml(
    data: bytes, path: Path, error: type[PyecodError], *, largest: int = _LARGEST, hint: str | None = None
) -> Any:
    """Plain values of a YAML text of at most ``largest`` bytes, which came from ``path``; ``hint`` is the remedy.

    Raises:
        PyecodError: of the class ``error``: it is not valid YAML, or not harmless; file and line are named.
    """
    if len(data) > largest:
        raise error(f"the YAML text is larger than {largest:,} bytes", where=path, hint=hint)
    try:
        _must_be_harmless(data)
        return yaml.load(data, Loader=_Loader)  # noqa: S506 - a safe loader
    except _Refused as fault:
        raise error(fault.what, where=f"{path}:{fault.line}", hint=hint) from None
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise error(f"not valid YAML: {fault.problem}", where=where, hint=hint) from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as fault:
        raise error(
            f"not valid YAML: {' '.join(str(fault).split()) or type(fault).__name__}", where=path, hint=hint
        ) from None


class _Refused(Exception):
    """A text that could do harm, and its line."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.what, self.line = what, line


def _must_be_harmless(data: bytes) -> None:
    """Look at the text's events, which need no recursion and no memory, before anything is made of them."""
    values = 0
    sizes: dict[str, int] = {}  # of what an anchor stands for
    open_: list[tuple[str | None, int]] = []
    for event in yaml.parse(data, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise _Refused(f"the YAML tag {tag!r:.80} is refused", line)
        values += 1
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, values))
            if len(open_) > _DEEPEST:
                raise _Refused("the YAML text is nested too deeply", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor is not None:
                sizes[anchor] = values - before
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes and any(anchor == event.anchor for anchor, _ in open_):
                raise _Refused(f"the YAML alias {event.anchor!r:.80} stands for what it is in", line)
            values += sizes.get(event.anchor or "", 1)
        if values > _MOST_VALUES or (values > 10_000 and values > 20 * len(data)):
            raise _Refused("the YAML text has too many values: aliases of aliases", line)
