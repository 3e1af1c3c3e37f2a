"""The manifest: ``batch_manifest.yaml``, read by people, by any YAML reader, and quickly by this one.

The header is ordinary YAML. Below ``entries:`` and ``chains:`` stands one line per record, a JSON object, which is YAML
too. Keys are quoted: unquoted, YAML 1.1 takes ``1234_5`` for a number. The closing ``...`` shows a file cut short.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson
import yaml

from pyecod.batch.changes import chain_from_plain, chain_to_plain, entry_from_plain, entry_to_plain
from pyecod.batch.header import BatchHeader, header_from_plain, header_to_plain, parse_week, week_of
from pyecod.batch.names import BatchType
from pyecod.batch.older import is_older_form, read_older_form
from pyecod.batch.record import ChainRecord, EntryRecord
from pyecod.errors import BatchError
from pyecod.files import atomic_write, fsync_folder
from pyecod.yamldoc import DUMPER, load_yaml

MANIFEST_NAME = "batch_manifest.yaml"

_FIRST_LINE = "# pyECOD batch manifest, format 1; later changes are in journal.jsonl until the next snapshot\n"
_FIRST_WORDS = b"# pyECOD batch manifest, format "
_END = b"...\n"
_RECORD = re.compile(rb'  "([^"\\]*)": (\{.*\})')
_KIND = re.compile(rb"^batch_type: ['\"]?(weekly|repair|fasta)['\"]?$", re.MULTILINE)
_WEEK = re.compile(rb"^release_date: ['\"]?(\d{4}-\d\d-\d\d)['\"]?$", re.MULTILINE)
_BLOCK = 2**16
_LARGEST_FILE = 4 * 2**30
_LONGEST_LINE = 2**20

# JSON numbers that YAML 1.1 takes for text (1e-5, 1.5e16); characters that YAML forbids or takes for line ends
_EXPONENT = re.compile(rb'(?<!\\)":(-?[0-9]+)(\.[0-9]+)?e([+-]?)([0-9]+)(?=[,}])')
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

T = TypeVar("T")


@dataclass(slots=True)
class Manifest:
    """State of a batch: its header, its entries by PDB id and its chains by chain key.

    ``journal_sequence`` is the number of the last journal line this state includes. ``is_older_form`` marks a manifest
    of the older tools as it was read.
    """

    header: BatchHeader
    entries: dict[str, EntryRecord] = field(default_factory=dict)
    chains: dict[str, ChainRecord] = field(default_factory=dict)
    journal_sequence: int = 0
    is_older_form: bool = False


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest whole or not at all, and force it and its name to disk.

    Raises:
        OSError: the disk is full or not writable; the previous manifest is untouched.
    """
    atomic_write(path, format_manifest(manifest))
    fsync_folder(path.parent)


def format_manifest(manifest: Manifest) -> bytes:
    """The manifest's text, UTF-8; records are sorted by their keys."""
    header = {**header_to_plain(manifest.header), "journal_sequence": manifest.journal_sequence}
    text = yaml.dump(header, Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=120)
    parts = [_FIRST_LINE.encode(), text.encode(), b"entries:"]
    parts.append(_section(manifest.entries, entry_to_plain))
    parts.append(b"chains:")
    parts.append(_section(manifest.chains, chain_to_plain))
    parts.append(_END)
    return b"".join(parts)


def _section(records: Mapping[str, T], to_plain: Callable[[T], dict[str, Any]]) -> bytes:
    if not records:
        return b" {}\n"
    lines = [b'\n  "%b": %b' % (name.encode(), dump_json(to_plain(records[name]))) for name in sorted(records)]
    return _EXPONENT.sub(_yaml_number, b"".join(lines)) + b"\n"


def dump_json(value: Any) -> bytes:
    """One line of JSON that YAML readers understand too."""
    data = orjson.dumps(value)
    if data.isascii() and b"\x7f" not in data:
        return data
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", data.decode()).encode()


def _yaml_number(match: re.Match[bytes]) -> bytes:
    return b'":%b%be%b%b' % (match[1], match[2] or b".0", match[3] or b"+", match[4])


def read_manifest(path: Path) -> Manifest:
    """Read a manifest of this pipeline, also one edited by hand, or one of the older tools.

    Raises:
        BatchError: no such file, cut short, not YAML, with tags or nested too deeply, a field of the wrong type;
            file, line or chain are named.
    """
    data = _read_bytes(path)
    if data.startswith(_FIRST_WORDS):
        if not data.endswith(b"\n" + _END):
            raise BatchError(
                "the manifest is cut short: its last line is not '...'", where=path, hint="restore it from a copy"
            )
        quick = _read_lines(data, path)
        if quick is not None:
            return quick
    return _from_tree(load_yaml(data, path, BatchError), path)


def read_header(path: Path) -> BatchHeader:
    """The header of a manifest alone, without reading the records below it.

    Raises:
        BatchError: as :func:`read_manifest`, as far as the header goes.
    """
    head = _head(path)
    if head is None:
        return read_manifest(path).header
    return _without_records(load_yaml(head, path, BatchError), path).header


def read_kind(path: Path) -> tuple[BatchType, datetime.date | None]:
    """Type and release of a batch, from the two lines of its manifest that say them; None: no release.

    Raises:
        BatchError: as :func:`read_header`.
    """
    head = _head(path) or b""
    kind, week = _KIND.search(head), _WEEK.search(head)
    if kind is not None and (week is not None or kind[1] != b"weekly"):
        return BatchType(kind[1].decode()), parse_week(week[1].decode()) if week else None
    header = read_header(path)
    return header.batch_type, week_of(header)


def _head(path: Path) -> bytes | None:
    """The text above the records, None where the manifest is not as this module writes it."""
    data = b""
    try:
        with path.open("rb") as stream:
            while (end := data.find(b"\nentries:")) < 0 and (block := stream.read(_BLOCK)):
                data += block
                if not data.startswith(_FIRST_WORDS):
                    return None
    except OSError:
        return None  # reading all of it says why
    return data[: end + 1] if end >= 0 else None


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise BatchError(
            "there is no batch manifest" if path.parent.is_dir() else "there is no such batch folder",
            where=path,
            hint="`pyecod status` lists the batches; if its creation was interrupted, run the same command again",
        ) from None
    except OSError as error:
        raise BatchError(f"cannot read the manifest: {error.strerror}", where=path) from None
    if len(data) > _LARGEST_FILE:
        raise BatchError(f"the manifest is larger than {_LARGEST_FILE:,} bytes", where=path)
    return data


def _read_lines(data: bytes, path: Path) -> Manifest | None:
    """The manifest as this module writes it, or None when a line looks different: then it was edited by hand."""
    start = data.find(b"\nentries:") + 1
    if not start:
        return None
    header = load_yaml(data[:start], path, BatchError)
    if not isinstance(header, dict) or header.keys() & {"entries", "chains"}:
        return None
    manifest = _without_records(header, path)
    records: dict[str, Any] = {}
    from_plain: Callable[[str, Any, str], Any] = entry_from_plain
    seen = []
    for number, line in enumerate(_lines(data, start), data.count(b"\n", 0, start) + 1):
        if not line.startswith(b"  "):
            seen.append(line.removesuffix(b" {}"))
            if seen == [b"entries:"]:
                records = manifest.entries
            elif seen == [b"entries:", b"chains:"]:
                records, from_plain = manifest.chains, chain_from_plain
            elif seen != [b"entries:", b"chains:", b"..."]:
                return None
            continue
        match = _RECORD.fullmatch(line)
        if match is None or len(line) > _LONGEST_LINE:
            return None
        try:
            name, record = match[1].decode(), orjson.loads(match[2])
        except ValueError:
            return None
        if name in records:
            raise BatchError(f"{name!r} stands there twice", where=f"{path}:{number}")
        records[name] = from_plain(name, record, f"{path}:{number}")
    return manifest if len(seen) == 3 else None


def _lines(data: bytes, start: int) -> Iterator[bytes]:
    while start < len(data):
        end = data.find(b"\n", start)
        yield data[start:end]
        start = end + 1


def _from_tree(tree: Any, path: Path) -> Manifest:
    if not isinstance(tree, dict):
        raise BatchError("the manifest is not a mapping of keys to values", where=path)
    if is_older_form(tree):
        header, entries, chains = read_older_form(tree, path)
        return Manifest(header, entries, chains, is_older_form=True)
    rest = {name: value for name, value in tree.items() if name not in ("entries", "chains")}
    manifest = _without_records(rest, path)
    manifest.entries = _records(tree.get("entries") or {}, entry_from_plain, str(path))
    manifest.chains = _records(tree.get("chains") or {}, chain_from_plain, str(path))
    return manifest


def _without_records(header: Mapping[str, Any], path: Path) -> Manifest:
    sequence = header.get("journal_sequence", 0)
    if isinstance(sequence, bool) or not isinstance(sequence, int) or sequence < 0:
        raise BatchError(f"journal_sequence: {sequence!r:.80} is not a number from 0 up", where=path)
    fields = {name: value for name, value in header.items() if name != "journal_sequence"}
    return Manifest(header_from_plain(fields, str(path)), journal_sequence=sequence)


def _records(tree: Any, from_plain: Callable[[str, Any, str], T], where: str) -> dict[str, T]:
    if not isinstance(tree, dict):
        raise BatchError("entries and chains must be mappings", where=where)
    return {name: from_plain(name, raw, where) for name, raw in tree.items()}
