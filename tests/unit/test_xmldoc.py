"""What every XML file of the pipeline is protected from."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pyecod import xmldoc
from pyecod.errors import BrokenInputError
from pyecod.xmldoc import add_element, format_number, read_xml, write_xml


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_exactly(value: float) -> None:
    assert float(format_number(value)) == value


def test_zero_is_written_as_zero() -> None:
    assert (format_number(0.0), format_number(-0.0), format_number(95.0)) == ("0", "0", "95")


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmldoc, "_LARGEST", 2**20)
    path = tmp_path / "bomb.xml.gz"
    path.write_bytes(gzip.compress(b"<a>" + b" " * 2**21 + b"</a>"))
    with pytest.raises(BrokenInputError, match="larger than 1 MiB"):
        read_xml(path, "a")


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        "<a>" * 5000,
        "<a/><a/>",
        "<a b='1' b='2'/>",
        "\x00",
    ],
)
def test_what_is_not_plain_xml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.xml"
    path.write_text(text)
    with pytest.raises(BrokenInputError, match=r"x\.xml:1: "):
        read_xml(path, "a")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenInputError, match=r"absent\.xml: cannot read"):
        read_xml(tmp_path / "absent.xml", "a")


def test_characters_xml_does_not_allow_are_refused_when_writing() -> None:
    with pytest.raises(BrokenInputError, match="does not allow"):
        add_element(etree.Element("a"), "b", {"c": "\x01"})


def test_text_comes_back_as_it_was(tmp_path: Path) -> None:
    root = etree.Element("a")
    add_element(root, "b", {"c": "<&\"'>é"}, "]]>")
    for name in ("x.xml", "x.xml.gz"):
        write_xml(tmp_path / name, root)
        (child,) = read_xml(tmp_path / name, "a").root
        assert (child.get("c"), child.text) == ("<&\"'>é", "]]>")


def test_more_elements_than_memory_holds_are_the_declared_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.xml"
    path.write_text(f"<a>{'<b/>' * 1000}</a>")
    assert len(read_xml(path, "a").root) == 1000
    monkeypatch.setattr(xmldoc, "memory_limit", lambda: 400_000)
    with pytest.raises(BrokenInputError, match="more XML than the memory"):
        read_xml(path, "a")


def test_a_gzipped_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(gzip.compress(b"<a/>"))
    assert read_xml(path, "a").root.tag == "a"
