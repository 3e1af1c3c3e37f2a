"""Evidence: alignments of a query chain with references."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pyecod.ranges import ResidueRange


class EvidenceType(StrEnum):
    """What was searched, and with what."""

    CHAIN_BLAST = "chain_blast"
    DOMAIN_BLAST = "domain_blast"
    HHSEARCH = "hhsearch"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of an alignment, 1-based inclusive on both sides.

    What pyECOD's own searches produce is ungapped: both sides have the same length. Evidence of older tools
    may give only the outer ends of an alignment (lengths differ: positions between are interpolated) or no
    target side at all (``target_start == 0``).
    """

    query_start: int
    query_end: int
    target_start: int = 0
    target_end: int = 0


@dataclass(frozen=True, slots=True)
class Hsp:
    """One local alignment. Segments run upwards on both sides.

    ``identity`` is the share of identical aligned pairs, 0 to 1. BLAST: ``evalue``, ``bitscore``;
    HHsearch: ``evalue``, ``probability`` (0 to 100), ``score``. None where the program does not give it.
    An ``evalue`` of 0 is the best there is.
    """

    segments: tuple[Segment, ...]
    evalue: float | None = None
    bitscore: float | None = None
    identity: float | None = None
    probability: float | None = None
    score: float | None = None

    @property
    def query_start(self) -> int:
        """First aligned query residue."""
        return self.segments[0].query_start

    @property
    def query_end(self) -> int:
        """Last aligned query residue."""
        return self.segments[-1].query_end

    @property
    def target_start(self) -> int:
        """First aligned target residue, 0 where unknown."""
        return self.segments[0].target_start

    @property
    def target_end(self) -> int:
        """Last aligned target residue, 0 where unknown."""
        return self.segments[-1].target_end

    @property
    def query_range(self) -> ResidueRange:
        """Aligned query residues."""
        return ResidueRange.of((s.query_start, s.query_end) for s in self.segments)

    @property
    def target_range(self) -> ResidueRange:
        """Aligned target residues; empty where unknown."""
        return ResidueRange.of((s.target_start, s.target_end) for s in self.segments if s.target_start)


@dataclass(frozen=True, slots=True)
class Hit:
    """All local alignments of a query with one reference, best first.

    ``target`` is a chain key (``1sua_A``) for chain_blast, an ECOD domain id (``e1suaA1``) otherwise.
    ``target_length`` is what the program printed, residues; None where it did not.
    Every HHsearch alignment is a hit of its own, with one HSP, even where a template occurs twice.
    """

    type: EvidenceType
    target: str
    target_length: int | None
    hsps: tuple[Hsp, ...]

    @property
    def evalue(self) -> float | None:
        """Best E-value of the HSPs; 0 is the best possible."""
        return min((h.evalue for h in self.hsps if h.evalue is not None), default=None)

    @property
    def query_range(self) -> ResidueRange:
        """Query residues aligned by any HSP."""
        return ResidueRange.of((s.query_start, s.query_end) for h in self.hsps for s in h.segments)


@dataclass(frozen=True, slots=True)
class Query:
    """A unique sequence to be searched; ``md5`` is :func:`pyecod.pdb.chain.sequence_md5` of it."""

    md5: str
    sequence: str

    @property
    def length(self) -> int:
        """Residues."""
        return len(self.sequence)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one program found for one sequence in one database: the value of the search cache.

    ``found`` counts the hits the program printed, before thresholds; ``hits`` are those kept.
    ``database_id`` is the SHA-256 that names the database's content. HHsearch only: ``profile_depth`` is the
    number of sequences in the query's profile (1: the query found no relatives, its profile is its own sequence
    with HH-suite's context pseudocounts), ``profile_neff`` their effective number.
    """

    type: EvidenceType
    query: Query
    hits: tuple[Hit, ...]
    found: int
    program: str
    program_version: str
    database_id: str
    seconds: float = 0.0
    profile_depth: int | None = None
    profile_neff: float | None = None


def query_coverage(hits: Iterable[Hit], length: int) -> float:
    """Union of the query residues of all HSPs over the SEQRES length, 0 to 1."""
    return ResidueRange.of((s.query_start, s.query_end) for hit in hits for h in hit.hsps for s in h.segments).coverage(
        length
    )
