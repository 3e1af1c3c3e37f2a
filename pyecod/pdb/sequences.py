"""SEQRES of each polymer entity: its components, by whichever of the tables a file has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import gemmi

from pyecod.errors import BrokenInputError
from pyecod.pdb.ciffile import CifFile
from pyecod.pdb.eligibility import NUCLEIC_ACIDS, PROTEIN
from pyecod.pdb.residues import polymer_type

_CODE = re.compile(r"\(([^()\s]+)\)|([A-Za-z])")
_KINDS = {
    PROTEIN: gemmi.ResidueKind.AA,
    "dna": gemmi.ResidueKind.DNA,
    "dna_rna_hybrid": gemmi.ResidueKind.RNA,
    "rna": gemmi.ResidueKind.RNA,
}


@dataclass(frozen=True, slots=True)
class PolymerEntity:
    """One polymer entity. ``components`` are its residues in SEQRES order, ``alternatives`` the others of a position
    with several (microheterogeneity), by SEQRES number. ``canonical`` is its one-letter sequence as the file states it,
    modified residues as their parents. ``strands`` are the author ids of its chains, as far as stated. ``failure``
    says why there is no sequence."""

    id: str
    components: tuple[str, ...] = ()
    alternatives: Mapping[int, frozenset[str]] | None = None
    polymer_type: str = ""
    canonical: str = ""
    strands: tuple[str, ...] = ()
    failure: str | None = None

    def allows(self, label: int, found: set[str]) -> bool:
        """Whether a chain may have these components at a SEQRES position."""
        own = {self.components[label - 1], *(self.alternatives or {}).get(label, ())}
        return found <= own or own <= found


@dataclass(frozen=True, slots=True)
class Position:
    """Rows of one SEQRES position in a table: its number, and the indices of its rows in the table's order."""

    label: int
    rows: tuple[int, ...]


def read_entities(file: CifFile) -> dict[str, PolymerEntity]:
    """The file's polymer entities, in its order; all that any table names."""
    columns = ("entity_id", "?type", "?pdbx_strand_id", "?pdbx_seq_one_letter_code", "?pdbx_seq_one_letter_code_can")
    stated = {row[0]: row[1:] for row in file.rows("entity_poly", *columns)}
    listed = _listed(file)
    names = dict.fromkeys(entity for entity, kind in file.rows("entity", "id", "type") if kind.lower() == "polymer")
    names |= dict.fromkeys(stated) | dict.fromkeys(listed)
    return {name: _entity(name, stated.get(name, ("",) * 4), listed.get(name)) for name in names}


def _listed(file: CifFile) -> dict[str, list[tuple[str, str]]]:
    """Number and component of each row of ``_entity_poly_seq``, by entity."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for entity, number, component in file.rows("entity_poly_seq", "entity_id", "num", "mon_id"):
        groups.setdefault(entity, []).append((number, component))
    return groups


def _entity(name: str, stated: Sequence[str], rows: list[tuple[str, str]] | None) -> PolymerEntity:
    kind, strands, code, canonical = stated
    kind = polymer_type(kind)
    canonical = "".join(canonical.split()).upper()
    about = {
        "polymer_type": kind,
        "canonical": canonical,
        "strands": tuple(strand.strip() for strand in strands.split(",")) if strands else (),
    }
    if rows is None:
        return PolymerEntity(name, of_letters(code or canonical, kind), **about)  # type: ignore[arg-type]
    try:
        positions = positions_of([number for number, _ in rows])
    except BrokenInputError as error:
        return PolymerEntity(name, failure=f"_entity_poly_seq {error.what}", **about)  # type: ignore[arg-type]
    components = tuple(rows[position.rows[0]][1] for position in positions)
    others = {p.label: frozenset(rows[i][1] for i in p.rows[1:]) for p in positions if len(p.rows) > 1}
    return PolymerEntity(name, components, others or None, **about)  # type: ignore[arg-type]


def of_letters(code: str, kind: str) -> tuple[str, ...]:
    """Components of a one-letter sequence, in which a modified residue stands in parentheses: ``MA(MSE)``."""
    components = []
    residue_kind = _KINDS.get(kind or PROTEIN, gemmi.ResidueKind.AA)
    unknown = "N" if kind in NUCLEIC_ACIDS else "UNK"
    for match in _CODE.finditer("".join(code.split())):
        components.append(match[1] or gemmi.expand_one_letter(match[2].upper(), residue_kind) or unknown)
    return tuple(components)


def positions_of(labels: Sequence[str]) -> list[Position]:
    """The rows of each SEQRES position, in SEQRES order; rows of a CIF loop have none of their own.

    Raises:
        BrokenInputError: the numbers are not 1, 2, 3…
    """
    if labels == _counting(len(labels)):
        return [Position(row + 1, (row,)) for row in range(len(labels))]
    found: dict[int, list[int]] = {}
    for row, label in enumerate(labels):
        if not (label.isascii() and label.isdigit() and len(label) < 10):
            raise BrokenInputError(f"has {label[:20]!r} for a residue's number")
        found.setdefault(int(label), []).append(row)
    numbers = sorted(found)
    if numbers != list(range(1, len(numbers) + 1)):
        raise BrokenInputError("is not numbered 1, 2, 3…")
    return [Position(label, tuple(found[label])) for label in numbers]


@lru_cache(maxsize=256)
def _counting(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]
