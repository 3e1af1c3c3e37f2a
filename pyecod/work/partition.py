"""From cached evidence to partitions: summarise, partition once per sequence, write for every identical chain."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from pyecod.batch import RunHistory
from pyecod.batch.header import utc_now
from pyecod.batch.paths import BatchPaths
from pyecod.batch.record import NO_FAILURE, ChainChanges, ChainUpdate, Status, Step
from pyecod.errors import BrokenOutputError, MissingResultError, describe, is_disk_trouble
from pyecod.evidence import summarise, write_summary
from pyecod.files import sha256_of
from pyecod.ids import ChainKey
from pyecod.partition import Partition, partition_chain
from pyecod.partition.xml import write_partition
from pyecod.pdb import load_entry
from pyecod.pdb.chain import Chain
from pyecod.ranges import ResidueRange
from pyecod.reference import Reference
from pyecod.reference.mask import Mask
from pyecod.search import EvidenceLoader, SearchCache, search_blast, search_profiles
from pyecod.search.hit import EvidenceType, Query, SearchResult
from pyecod.settings import Settings
from pyecod.work.chunks import SequenceGroup
from pyecod.work.groups import StepResult, failed_updates, read_query, time_updates
from pyecod.work.history import keep_partition, keep_summary, peak_memory
from pyecod.work.previous import read_previous


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is stored with every result: the batch, where its chains came from, and the versions of what made it."""

    batch_id: str
    from_entries: bool = True
    tool_versions: Mapping[str, str] = field(default_factory=dict)


def partition_groups(
    groups: Sequence[SequenceGroup], batch_path: Path, settings: Settings, provenance: Provenance
) -> StepResult:
    """Partition each group from the search cache; write its summary and every member's partition file.

    A group that cannot be partitioned fails alone, with its reason.

    Raises:
        ReferenceDataError: the reference cannot be opened.
        OSError: the batch's disk is full or not writable.
    """
    room = _Room(batch_path, settings, provenance)
    updates: list[ChainUpdate] = []
    failures: dict[str, str] = {}
    for group in groups:
        try:
            updates += room.partition(group)
        except Exception as error:  # this group's fault is this group's reason, the others go on
            if is_disk_trouble(error):
                raise
            failures[group.md5] = describe(error)
            updates += failed_updates(group, Step.PARTITION, failures[group.md5])
    return StepResult(tuple(updates), failures=failures, peak_mib=peak_memory())


class _Room:
    """What all groups of a chunk share."""

    def __init__(self, batch_path: Path, settings: Settings, provenance: Provenance) -> None:
        assert settings.reference is not None
        self.paths = BatchPaths(batch_path)
        self.settings = settings
        self.provenance = provenance
        self.reference = Reference.open(settings.reference)
        self.mask = Mask(self.reference, settings.mask)
        self.cache = SearchCache(settings.cache_dir)
        self.load = EvidenceLoader(self.reference, self.cache, settings)
        self.history = RunHistory(batch_path)

    def partition(self, group: SequenceGroup) -> list[ChainUpdate]:
        """Summary, partition, and the files and records of all members."""
        started = datetime.now(UTC)
        clock = time.perf_counter()
        query = read_query(group, self.paths.root)
        results = self._evidence(query, group)
        chains = member_chains(group, query.sequence, self.paths, from_entries=self.provenance.from_entries)
        timestamp = utc_now()
        summary = summarise(
            group.representative,
            len(query.sequence),
            query.sequence,
            results,
            reference_version=self.reference.version,
            batch_id=self.provenance.batch_id,
            timestamp=timestamp,
            observed=self._observed(group, chains),
        )
        summary_path = self.paths.summary_path(group.representative)
        write_summary(summary_path, summary, self.reference)
        checksum = sha256_of(summary_path)
        file = self.paths.relative(summary_path)
        keep_summary(self.history, summary, group.md5, started=started, checksum=checksum, file=file)
        partition = partition_chain(summary, self.mask.over(group.entries), self.settings)
        partition = replace(partition, parameters={**partition.parameters, **self.mask.parameters})
        changes = _changes(partition, group)
        updates = []
        for chain in chains:
            path = self.paths.partition_path(chain.key)
            written = write_partition(
                path,
                partition,
                chain,
                batch_id=self.provenance.batch_id,
                timestamp=timestamp,
                tool_versions=self.provenance.tool_versions,
                summary_sha256=checksum,
            )
            files = {"summary": file, "partition": self.paths.relative(path)}
            keep_partition(
                self.history,
                partition,
                chain,
                started=started,
                summary_sha256=checksum,
                files=files,
                tool_versions=self.provenance.tool_versions,
            )
            checksums = {"summary": checksum, "partition": written}
            updates.append(ChainUpdate(chain.key, {**changes, "files": files, "checksums": checksums}))
        return updates + time_updates(replace(group, seconds=group.seconds + time.perf_counter() - clock))

    def _observed(self, group: SequenceGroup, chains: Sequence[Chain]) -> ResidueRange | None:
        """Residues of the representative with coordinates: always the same one's, whichever members are at work."""
        if not self.provenance.from_entries:
            return None
        known = {chain.key: chain for chain in chains}
        if group.representative not in known:
            entry = load_entry(self.paths.entries, group.representative.entry_id)
            known |= {chain.key: chain for chain in entry.chains}
        return known[group.representative].observed

    def _evidence(self, query: Query, group: SequenceGroup) -> dict[EvidenceType, SearchResult]:
        """What the searches found: earlier evidence the group names, the rest from the search cache; a result that was
        pruned or damaged since is searched again."""
        previous = read_previous(group.evidence, self.paths.root, query, self.settings)
        wanted = {
            "with_blast": EvidenceType.DOMAIN_BLAST not in group.evidence,
            "with_hhsearch": bool(group.needs_hhsearch) and EvidenceType.HHSEARCH not in group.evidence,
        }
        if not group.needs_hhsearch:
            previous.pop(EvidenceType.HHSEARCH, None)
        try:
            found = self.load(query, **wanted)
        except MissingResultError:
            for search, is_wanted in zip((search_blast, search_profiles), wanted.values(), strict=True):
                outcomes = search([query], self.reference, self.cache, self.settings) if is_wanted else []
                for outcome in outcomes:
                    if outcome.error:
                        raise BrokenOutputError(outcome.error) from None
            found = self.load(query, **wanted)
        return {**previous, **found}


def member_chains(group: SequenceGroup, sequence: str, paths: BatchPaths, *, from_entries: bool = True) -> list[Chain]:
    """The chains of a group, each with its own numbering where they come from entries.

    Raises:
        BrokenInputError: a saved entry is missing or damaged.
    """
    if not from_entries:
        return [Chain(key, sequence) for key in group.members]
    chains: dict[ChainKey, Chain] = {}
    for entry_id in {key.entry_id for key in group.members}:
        entry = load_entry(paths.entries, entry_id)
        chains |= {chain.key: chain for chain in entry.chains}
    return [chains[key] for key in group.members]


def partition_changes(partition: Partition) -> ChainChanges:
    """What a chain's record says of its partition."""
    return {
        **NO_FAILURE,
        "partition_status": Status.COMPLETE,
        "partition_coverage": partition.coverage,
        "partition_outcome": str(partition.outcome),
        "partition_quality": str(partition.quality),
        "domain_count": len(partition.domains),
        "reference_version": partition.reference_version,
        "algorithm_version": partition.algorithm_version,
    }


def _changes(partition: Partition, group: SequenceGroup) -> ChainChanges:
    """What a partition from a chain's own evidence changes in its record."""
    return {
        **partition_changes(partition),
        "evidence": {
            str(kind): {
                "found": count.found,
                "kept": count.kept,
                "considered": count.considered,
                "accepted": count.accepted,
                **count.rejected,
            }
            for kind, count in partition.counts.items()
        },
        "attempts": group.attempts + 1,
    }
