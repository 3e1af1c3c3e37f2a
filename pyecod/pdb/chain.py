"""Entries and chains as the pipeline knows them, independent of the file they came from."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum

from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange


class CannotClassify(StrEnum):
    """Why a chain is recorded but not searched."""

    PEPTIDE = "peptide"
    NUCLEIC_ACID = "nucleic_acid"
    NOT_PROTEIN = "not_protein"
    UNKNOWN_SEQUENCE = "unknown_sequence"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class NumberingRun:
    """Consecutive SEQRES residues whose author numbers rise by one and share an insertion code.

    ``label_start`` is 1-based SEQRES, ``auth_start`` the author number of that residue, ``count`` residues.
    """

    label_start: int
    auth_start: int
    count: int
    insertion_code: str = ""


@dataclass(frozen=True, slots=True)
class Numbering:
    """Map from SEQRES (label) to author residue numbers, run-length encoded, sorted by ``label_start``."""

    runs: tuple[NumberingRun, ...]

    def author(self, label: int) -> str:
        """Author number with insertion code (``100A``) of SEQRES residue ``label``; KeyError where unknown."""
        i = bisect_right(self.runs, label, key=lambda run: run.label_start) - 1
        if i < 0 or label >= self.runs[i].label_start + self.runs[i].count:
            raise KeyError(label)
        run = self.runs[i]
        return f"{run.auth_start + label - run.label_start}{run.insertion_code}"

    def pdb_range(self, chain_id: str, residues: ResidueRange) -> str:
        """``A:10-50,A:100A-150`` for a SEQRES range; residues without an author number are left out."""
        parts = []
        for start, end in residues.segments:
            inside = [r for r in self.runs if r.label_start <= end and r.label_start + r.count > start]
            if inside:
                first = self.author(max(start, inside[0].label_start))
                last = self.author(min(end, inside[-1].label_start + inside[-1].count - 1))
                parts.append(f"{chain_id}:{first}-{last}")
        return ",".join(parts)


@dataclass(frozen=True, slots=True)
class ModifiedResidue:
    """A residue that is not one of the twenty: its SEQRES number, component (``MSE``) and parent letter (``M``)."""

    label: int
    component: str
    parent: str


@dataclass(frozen=True, slots=True)
class Chain:
    """One polymer chain; one per author chain id whatever the number of models.

    ``sequence`` is SEQRES in one-letter code, modified residues as their parents, unknown ones ``X``.
    ``observed`` are the SEQRES residues with coordinates in the first model.
    """

    key: ChainKey
    sequence: str
    entity_id: str = ""
    label_asym_id: str = ""
    polymer_type: str = "protein"
    numbering: Numbering | None = None
    observed: ResidueRange | None = None
    modified: tuple[ModifiedResidue, ...] = ()
    cannot_classify: CannotClassify | None = None

    @property
    def length(self) -> int:
        """SEQRES length in residues."""
        return len(self.sequence)

    @property
    def sequence_md5(self) -> str:
        """MD5 of the sequence, hexadecimal: what makes two chains identical."""
        return sequence_md5(self.sequence)


@dataclass(frozen=True, slots=True)
class Entry:
    """One PDB entry as read from its mmCIF file.

    ``problems`` names what was wrong with single chains; the others are still good.
    ``source_sha256`` is the checksum of the file as stored (compressed).
    """

    pdb_id: str
    chains: tuple[Chain, ...]
    title: str = ""
    method: str = ""
    resolution: float | None = None
    release_date: str = ""
    source_sha256: str = ""
    problems: tuple[str, ...] = field(default=())


def sequence_md5(sequence: str) -> str:
    """MD5 of an upper-case one-letter sequence, hexadecimal."""
    return hashlib.md5(sequence.encode("ascii"), usedforsecurity=False).hexdigest()
