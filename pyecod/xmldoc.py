"""XML files of the pipeline: read without entities, network or surprises, every fault named with file and line."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from pyecod.errors import BrokenInputError, RangeError
from pyecod.files import atomic_write, memory_limit, open_bytes
from pyecod.ranges import ResidueRange

Element = Any  # lxml publishes no stable name for its element type

# 5,000 hits of each type are about 12 MB; whatever unpacks to more than this is not one of our files
_LARGEST = 256 * 2**20
_ELEMENT_BYTES = 120  # of an element or attribute in memory
_SHARE = 4  # of the memory that is there, one file may take the fourth part
_READ_ERRORS = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class XmlDocument:
    """A parsed file. The methods read attributes and raise :class:`BrokenInputError` naming ``file:line``."""

    path: Path
    root: Element

    def broken(self, element: Element, what: str, hint: str | None = None) -> BrokenInputError:
        """The error to raise for a fault at ``element``."""
        return BrokenInputError(what, where=f"{self.path}:{element.sourceline}", hint=hint)

    def child(self, element: Element, name: str) -> Element:
        """The only child of this name."""
        found = element.findall(name)
        if len(found) != 1:
            raise self.broken(element, f"<{element.tag}> has {len(found)} <{name}> elements, not one")
        return found[0]

    def text(self, element: Element, name: str) -> str:
        """An attribute that must be there."""
        value = element.get(name)
        if value is None:
            raise self.broken(element, f"<{element.tag}> has no attribute {name!r}")
        return str(value)

    def integer(self, element: Element, name: str, *, least: int = 0) -> int:
        """A whole number of at least ``least`` that must be there."""
        return self.parse_integer(element, name, self.text(element, name), least=least)

    def parse_integer(self, element: Element, name: str, value: str, *, least: int = 0) -> int:
        """The same for text that is not an attribute of its own."""
        if not (value.isascii() and value.isdigit() and len(value) <= 18) or int(value) < least:
            raise self.broken(element, f"{name}={value[:40]!r} is not a whole number of {least} or more")
        return int(value)

    def number(self, element: Element, name: str, *, least: float = -math.inf, most: float = math.inf) -> float | None:
        """A finite number between ``least`` and ``most``, None where the attribute is absent."""
        value = element.get(name)
        return None if value is None else self.parse_number(element, name, value, least=least, most=most)

    def required_number(
        self, element: Element, name: str, *, least: float = -math.inf, most: float = math.inf
    ) -> float:
        """A finite number that must be there."""
        return self.parse_number(element, name, self.text(element, name), least=least, most=most)

    def parse_number(
        self, element: Element, name: str, value: str, *, least: float = -math.inf, most: float = math.inf
    ) -> float:
        """The same for text that is not an attribute of its own."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (least <= number <= most and math.isfinite(number)):
            bounds = (
                ""
                if least == -math.inf
                else f" of {least:g} or more"
                if most == math.inf
                else f", {least:g} to {most:g}"
            )
            raise self.broken(element, f"{name}={value[:40]!r} is not a number{bounds}")
        return number

    def residues(self, element: Element, name: str, length: int) -> ResidueRange:
        """A residue range inside a protein of ``length`` residues that must be there."""
        try:
            parsed = ResidueRange.parse(self.text(element, name))
        except RangeError as error:
            raise self.broken(element, f"{name}: {error.what}", error.hint) from None
        if parsed.end > length:
            raise self.broken(element, f"{name}={str(parsed)[:80]!r} leaves the protein of {length} residues")
        return parsed


def read_xml(path: Path, *roots: str) -> XmlDocument:
    """Parse ``path`` (gunzipped when its first bytes say so) and check the name of its root element.

    Raises:
        BrokenInputError: unreadable, empty, truncated, not XML, another root element, a document type
            declaration (nothing of ours has one; entity bombs do), or absurdly large.
    """
    data = _content(path)
    if not data.strip():
        raise BrokenInputError("the file is empty", where=path)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        reason = str(error.msg).partition(", line ")[0]
        raise BrokenInputError(f"not valid XML: {reason}", where=f"{path}:{error.lineno or 1}") from None
    doctype: str = root.getroottree().docinfo.doctype  # type: ignore[union-attr]
    if doctype:
        raise BrokenInputError("a document type declaration is not allowed here", where=f"{path}:1")
    if root.tag not in roots:
        raise BrokenInputError(
            f"the root element is <{str(root.tag)[:80]}>",
            where=f"{path}:{root.sourceline}",
            hint=f"expected <{'> or <'.join(roots)}>",
        )
    return XmlDocument(path, root)


def _content(path: Path) -> bytes:
    try:
        with open_bytes(path) as stream:
            data = stream.read(_LARGEST + 1)
    except _READ_ERRORS as error:
        raise BrokenInputError(f"cannot read the file: {error}", where=path) from None
    if len(data) > _LARGEST:
        raise BrokenInputError(f"larger than {_LARGEST >> 20} MiB", where=path)
    elements = data.count(b"<") + data.count(b"=")
    if elements * _ELEMENT_BYTES + 2 * len(data) > memory_limit() // _SHARE:
        raise BrokenInputError(f"more XML than the memory of this machine holds: {elements:,} marks", where=path)
    return data


def format_number(value: float) -> str:
    """Shortest text that reads back as exactly ``value``; zero is ``0``."""
    text = repr(float(value)).removesuffix(".0")
    return "0" if text == "-0" else text


def add_element(parent: Element, tag: str, attributes: dict[str, str], text: str | None = None) -> Element:
    """Append an element; where a string cannot be in XML (control characters) the error names tag and value.

    Raises:
        BrokenInputError: a value holds a character XML does not allow.
    """
    try:
        element = etree.SubElement(parent, tag, attributes)
        if text is not None:
            element.text = text
    except ValueError:
        raise BrokenInputError(f"<{tag}>: {attributes} {text or ''!r} holds a character XML does not allow") from None
    return element


def write_xml(path: Path, root: Element) -> str:
    """Write a tree as UTF-8, whole or not at all; gzipped when the name ends in ``.gz``.

    Returns:
        SHA-256 of the file.
    """
    data = format_xml(root)
    if path.suffix == ".gz":
        data = gzip.compress(data, compresslevel=6, mtime=0)
    atomic_write(path, data, durable=False)
    return hashlib.sha256(data).hexdigest()


def format_xml(root: Element) -> bytes:
    """UTF-8 bytes of a tree with its declaration, ending in a newline."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"
