"""Members of clusters: not searched, but given domains of their own from their representative's result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pyecod.batch import BatchPaths, RunHistory, is_batch, read_manifest
from pyecod.batch.header import utc_now
from pyecod.batch.record import ChainUpdate, Status
from pyecod.errors import BatchError, BrokenInputError, describe, is_disk_trouble
from pyecod.families import BadMappingError, Cluster, align, load_clustering, map_partition
from pyecod.partition.model import Partition
from pyecod.partition.xml import PartitionFile, read_partition, write_partition
from pyecod.settings import Settings
from pyecod.work.chunks import SequenceGroup, Work
from pyecod.work.groups import read_query
from pyecod.work.history import keep_partition
from pyecod.work.partition import Provenance, member_chains, partition_changes


@dataclass(frozen=True, slots=True)
class MemberOutcome:
    """What became of one member sequence: ``mapped`` with its updates, ``queued`` for a search of its own, or
    ``waiting`` for a representative in a batch that is not done; ``why`` says it in words."""

    group: SequenceGroup
    state: str
    why: str
    updates: tuple[ChainUpdate, ...] = ()


class ClusterMembers:
    """The members among a batch's sequences. Without a clustering (``clusters.file``) there are none."""

    def __init__(self, batch_path: Path, settings: Settings, provenance: Provenance) -> None:
        self.paths = BatchPaths(batch_path)
        self.settings, self.provenance = settings, provenance
        self.history = RunHistory(batch_path)
        file = settings.clusters.file
        self.clusters = load_clustering(file).by_sequence() if file else {}
        self._completed: dict[str, bool] = {}

    def defer(self, work: Work) -> tuple[Work, tuple[SequenceGroup, ...]]:
        """The work without the searches of members, and those members."""
        members = tuple(group for group in work.blast if group.md5 in self.clusters)
        rest = tuple(group for group in work.blast if group.md5 not in self.clusters)
        return replace(work, blast=rest), members

    def propagate(self, members: tuple[SequenceGroup, ...]) -> Iterator[MemberOutcome]:
        """Map each member from its representative's partition.

        Raises:
            OSError: the disk is full or not writable.
        """
        for group in members:
            try:
                yield self._propagate(group, self.clusters[group.md5])
            except Exception as error:  # what goes wrong with one is a reason to search it
                if is_disk_trouble(error):
                    raise
                yield MemberOutcome(group, "queued", describe(error))

    def _propagate(self, group: SequenceGroup, cluster: Cluster) -> MemberOutcome:
        started = datetime.now(UTC)
        found = self._representative(cluster)
        if isinstance(found, str):
            return MemberOutcome(group, found, f"{cluster.representative.key} has no partition")
        path, file = found
        query = read_query(group, self.paths.root)
        try:
            alignment = align(query.sequence, file.sequence)
            partition = map_partition(file.partition, str(file.key), query.sequence, alignment, self.settings)
        except BadMappingError as error:
            return MemberOutcome(group, "queued", error.what)
        updates = tuple(self._write(group, query.sequence, partition, path, file, started))
        return MemberOutcome(group, "mapped", f"from {file.key}", updates)

    def _representative(self, cluster: Cluster) -> tuple[Path, PartitionFile] | str:
        """The representative's partition, in whichever batch it is; ``waiting`` or ``queued`` where there is none."""
        waiting = False
        for key, batch_name in cluster.representative.chains:
            folder = self.paths.root.parent / batch_name
            path = BatchPaths(folder).partition_path(key)
            if path.is_file():
                try:
                    file = read_partition(path)
                except BrokenInputError:
                    continue  # another copy may be whole
                if file.sequence:
                    return path, file
            elif batch_name != self.paths.root.name and not self._is_completed(folder):
                waiting = True
        return "waiting" if waiting else "queued"

    def _is_completed(self, folder: Path) -> bool:
        """Whether nothing more is to be expected of a batch; one that is gone or unreadable promises nothing."""
        if folder.name not in self._completed:
            try:
                done = not is_batch(folder) or bool(read_manifest(BatchPaths(folder).manifest).header.completed)
            except BatchError:
                done = True
            self._completed[folder.name] = done
        return self._completed[folder.name]

    def _write(
        self,
        group: SequenceGroup,
        sequence: str,
        partition: Partition,
        source: Path,
        file: PartitionFile,
        started: datetime,
    ) -> Iterator[ChainUpdate]:
        from_entries = self.provenance.from_entries
        for chain in member_chains(group, sequence, self.paths, from_entries=from_entries):
            path = self.paths.partition_path(chain.key)
            written = write_partition(
                path,
                partition,
                chain,
                batch_id=self.provenance.batch_id,
                timestamp=utc_now(),
                tool_versions=self.provenance.tool_versions,
                summary_sha256=file.summary_sha256,
            )
            files = {"partition": self.paths.relative(path), "mapped_from": self.paths.relative(source)}
            keep_partition(
                self.history,
                partition,
                chain,
                started=started,
                summary_sha256=file.summary_sha256,
                files=files,
                tool_versions=self.provenance.tool_versions,
            )
            yield ChainUpdate(
                chain.key,
                {
                    **partition_changes(partition),
                    "blast_status": Status.NOT_NEEDED,
                    "hhsearch_status": Status.NOT_NEEDED,
                    "files": files,
                    "checksums": {"partition": written},
                },
            )
