"""What is true of simulated chains: their domains, and what a pipeline can be expected to find of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pyecod.errors import BrokenInputError
from pyecod.files import atomic_write
from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange

_NONE = "NA"
_COLUMNS = (
    *("chain", "length", "domain_no", "seqid_range", "t_group", "label_from"),
    *("h_group", "f_group", "pdb_range", "kind", "family"),
)
_REQUIRED = _COLUMNS[:5]
_CHAIN_COLUMNS = (
    *("chain", "length", "sequence_md5", "can_classify", "reason"),
    *("domains", "findable", "architecture", "identical_to"),
)


class Kind(StrEnum):
    """How a domain can be found: by BLAST, only by a profile search, or not at all."""

    CLOSE = "close"
    REMOTE = "remote"
    NOVEL = "novel"


@dataclass(frozen=True, slots=True)
class TruthDomain:
    """One true domain of a chain of ``length`` residues, in SEQRES numbering; ``number`` counts from 1.

    Groups are None where the truth does not know them; novel domains have none. ``family`` is the simulated family
    the domain descends from. ``kind`` is None in truth tables that do not say it.
    """

    chain: ChainKey
    length: int
    number: int
    range: ResidueRange
    t_group: str | None
    h_group: str | None = None
    f_group: str | None = None
    pdb_range: str = ""
    kind: Kind | None = None
    family: str = ""
    label_from: str = "simulated"


@dataclass(frozen=True, slots=True)
class TruthChain:
    """What can be expected of one chain. ``findable`` counts the domains that are not novel.

    ``reason`` is why it cannot be classified, empty where it can. ``identical_to`` is the first chain with the same
    sequence. ``architecture`` names the layout in words.
    """

    chain: ChainKey
    length: int
    sequence_md5: str
    can_classify: bool
    reason: str = ""
    domains: int = 0
    findable: int = 0
    architecture: str = ""
    identical_to: ChainKey | None = None


def write_truth(path: Path, domains: Iterable[TruthDomain]) -> None:
    """Write ``truth.tsv``: one line per domain, tab-separated, ``NA`` where there is no value."""
    rows = (
        (
            *(d.chain, d.length, d.number, d.range, d.t_group, d.label_from),
            *(d.h_group, d.f_group, d.pdb_range, d.kind, d.family),
        )
        for d in domains
    )
    _write(path, _COLUMNS, rows)


def read_truth(path: Path) -> tuple[TruthDomain, ...]:
    """Read a truth table: tab-separated with at least the columns chain, length, domain_no, seqid_range and t_group.

    Where there is no column ``h_group`` it follows from the T-group.

    Raises:
        BrokenInputError: unreadable, a column is missing, or a value is not what its column should hold.
    """
    return tuple(_domain(row, f"{path}:{line}") for line, row in _read(path, _REQUIRED))


def write_truth_chains(path: Path, chains: Iterable[TruthChain]) -> None:
    """Write ``truth_chains.tsv``: one line per chain, peptides, nucleic acids and the like included."""
    rows = (
        (
            *(c.chain, c.length, c.sequence_md5, "true" if c.can_classify else "false", c.reason),
            *(c.domains, c.findable, c.architecture, c.identical_to),
        )
        for c in chains
    )
    _write(path, _CHAIN_COLUMNS, rows)


def read_truth_chains(path: Path) -> tuple[TruthChain, ...]:
    """Read what :func:`write_truth_chains` wrote.

    Raises:
        BrokenInputError: unreadable, a column is missing, or a value is not what its column should hold.
    """
    return tuple(_chain(row, f"{path}:{line}") for line, row in _read(path, _CHAIN_COLUMNS))


def _domain(row: Mapping[str, str], where: str) -> TruthDomain:
    t_group = _value(row, "t_group")
    try:
        return TruthDomain(
            chain=ChainKey.parse(row["chain"]),
            length=int(row["length"]),
            number=int(row["domain_no"]),
            range=ResidueRange.parse(row["seqid_range"]),
            t_group=t_group,
            h_group=_value(row, "h_group") or (".".join(t_group.split(".")[:2]) if t_group else None),
            f_group=_value(row, "f_group"),
            pdb_range=_value(row, "pdb_range") or "",
            kind=Kind(kind) if (kind := _value(row, "kind")) else None,
            family=_value(row, "family") or "",
            label_from=_value(row, "label_from") or "",
        )
    except BrokenInputError as error:
        raise BrokenInputError(error.what, where=where, hint=error.hint) from None
    except ValueError as error:
        raise BrokenInputError(f"not a line of a truth table: {error}", where=where) from None


def _chain(row: Mapping[str, str], where: str) -> TruthChain:
    twin = _value(row, "identical_to")
    try:
        return TruthChain(
            chain=ChainKey.parse(row["chain"]),
            length=int(row["length"]),
            sequence_md5=row["sequence_md5"],
            can_classify={"true": True, "false": False}[row["can_classify"]],
            reason=_value(row, "reason") or "",
            domains=int(row["domains"]),
            findable=int(row["findable"]),
            architecture=_value(row, "architecture") or "",
            identical_to=ChainKey.parse(twin) if twin else None,
        )
    except BrokenInputError as error:
        raise BrokenInputError(error.what, where=where, hint=error.hint) from None
    except (ValueError, KeyError) as error:
        raise BrokenInputError(f"not a line of a table of chains: {error}", where=where) from None


def _value(row: Mapping[str, str], column: str) -> str | None:
    text = row.get(column, "")
    return None if text in ("", _NONE) else text


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[Iterable[object]]) -> None:
    lines = ["\t".join(columns)]
    lines.extend("\t".join(_NONE if cell is None or cell == "" else str(cell) for cell in row) for row in rows)
    atomic_write(path, "\n".join(lines) + "\n", durable=False)


def _read(path: Path, required: tuple[str, ...]) -> list[tuple[int, Mapping[str, str]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenInputError(f"cannot read the truth table: {error}", where=path) from error
    header = lines[0].split("\t") if lines else []
    missing = [column for column in required if column not in header]
    if missing:
        raise BrokenInputError(f"the truth table has no column {missing[0]!r}", where=path)
    rows: list[tuple[int, Mapping[str, str]]] = []
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(header):
            raise BrokenInputError(f"{len(cells)} columns where the header has {len(header)}", where=f"{path}:{number}")
        rows.append((number, dict(zip(header, cells, strict=True))))
    return rows
