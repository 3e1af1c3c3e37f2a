"""Clusters of similar sequences: whose search serves whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyecod.ids import ChainKey

METHODS = ("identical", "mmseqs2", "cd-hit", "file")


@dataclass(frozen=True, slots=True)
class ClusteredSequence:
    """One unique sequence and the chains that have it: each with the name of its batch, the first one first."""

    md5: str
    chains: tuple[tuple[ChainKey, str], ...]

    @property
    def key(self) -> ChainKey:
        """The chain that stands for the sequence."""
        return self.chains[0][0]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Sequences that are similar to ``representative``, which is searched for all of them."""

    number: int
    representative: ClusteredSequence
    members: tuple[ClusteredSequence, ...] = ()

    @property
    def sequences(self) -> tuple[ClusteredSequence, ...]:
        """The representative and the members."""
        return (self.representative, *self.members)


@dataclass(frozen=True, slots=True)
class Clustering:
    """One clustering of the chains of some batches. ``min_identity`` and ``min_coverage`` are shares, 0 to 1.

    ``source`` is the file it was read from, where another program made it.
    """

    name: str
    method: str
    clusters: tuple[Cluster, ...]
    method_version: str | None = None
    min_identity: float = 1.0
    min_coverage: float = 1.0
    batches: tuple[str, ...] = ()
    source: str | None = None
    created: str = ""

    @property
    def saving(self) -> ClusterSaving:
        """How many searches the clustering needs, beside one for each chain or each sequence."""
        sequences = [sequence for cluster in self.clusters for sequence in cluster.sequences]
        chains = sum(len(sequence.chains) for sequence in sequences)
        return ClusterSaving(chains, len(sequences), len(self.clusters))

    def by_sequence(self) -> Mapping[str, Cluster]:
        """The cluster of each member sequence (representatives are left out), by MD5."""
        return {member.md5: cluster for cluster in self.clusters for member in cluster.members}


@dataclass(frozen=True, slots=True)
class ClusterSaving:
    """Searches needed: one per chain, per unique sequence, or per cluster."""

    chains: int
    sequences: int
    clusters: int

    def __str__(self) -> str:
        """The numbers in one line."""
        if not self.clusters:
            return "no sequences"
        return (
            f"{self.chains:,} chains have {self.sequences:,} sequences in {self.clusters:,} clusters: "
            f"{self.chains / self.clusters:.1f} times fewer searches than chains, "
            f"{self.sequences / self.clusters:.2f} times fewer than sequences"
        )


@dataclass
class Sequences:
    """The unique sequences of some batches, in the order they were found, with their chains."""

    residues: dict[str, str] = field(default_factory=dict)
    chains: dict[str, list[tuple[ChainKey, str]]] = field(default_factory=dict)
    batches: list[str] = field(default_factory=list)

    def sequence(self, md5: str) -> ClusteredSequence:
        """One of them."""
        return ClusteredSequence(md5, tuple(self.chains[md5]))
