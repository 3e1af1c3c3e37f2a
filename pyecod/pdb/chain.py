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
        """``A:10-50,A:100A-150`` for a SEQRES range; residues without an author number are left out.

        Read as author numbers the text means the same residues: a segment is divided where its numbers run
        backwards or pass over numbers that other residues have (``A:30-230,A:1001-1160,A:231-300``).
        """
        parts = []
        for start, end in residues.segments:
            last = None
            for run in self.runs:
                first_label = max(start, run.label_start)
                last_label = min(end, run.label_start + run.count - 1)
                if first_label > last_label:
                    continue
                number = run.auth_start + first_label - run.label_start
                if last is None or not self._runs_on(last, number):
                    parts.append([self.author(first_label), ""])
                parts[-1][1] = self.author(last_label)
                last = run.auth_start + last_label - run.label_start
        return ",".join(f"{chain_id}:{first}-{final}" for first, final in parts)

    def _runs_on(self, last: int, number: int) -> bool:
        """Whether ``number`` may follow ``last`` in one author range: no residue of the chain is numbered between."""
        return last <= number and not any(
            run.auth_start < number and run.auth_start + run.count - 1 > last for run in self.runs
        )


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
    ``observed`` are the SEQRES residues with coordinates in the first model. ``failure`` says why the file's chain
    cannot be used (its tables contradict each other): it is recorded as failed, and its sequence may be empty.
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
    failure: str | None = None

    @property
    def is_searchable(self) -> bool:
        """It can be classified, and nothing is wrong with it."""
        return self.cannot_classify is None and self.failure is None

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
    """One PDB entry as read from its mmCIF file; every polymer the file names is one of its chains.

    ``problems`` names what was not as it should be and lost no chain.
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
