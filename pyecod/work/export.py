"""A batch's search results, taken from the search cache and written as the files of the older tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyecod.batch import Batch, ChainRecord, Status
from pyecod.batch.state import disk_errors
from pyecod.errors import BrokenInputError, MissingResultError, describe
from pyecod.files import atomic_write
from pyecod.ids import ChainKey
from pyecod.reference import Reference
from pyecod.reference.blast import read_database
from pyecod.search import EvidenceLoader, SearchCache
from pyecod.search.databases import database_of
from pyecod.search.export import Targets, format_blast_xml, format_hhr
from pyecod.search.hit import EvidenceType, SearchResult
from pyecod.settings import Settings
from pyecod.work.chunks import SequenceGroup
from pyecod.work.groups import read_query
from pyecod.work.previous import OUTPUT_FILES
from pyecod.work.start import go_on

Progress = Callable[[str, int, int], None]
"""Told of the stage, of the sequences done, and of how many there are."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The files written, in order, and by chain the reason why one or more of its files are not."""

    folder: Path
    chains: int
    files: tuple[Path, ...]
    failures: dict[str, str]


def export_batch(
    path: Path,
    settings: Settings,
    *,
    chains: Sequence[ChainKey] = (),
    output: Path | None = None,
    progress: Progress = lambda *_: None,
) -> ExportReport:
    """Write ``blast/*.chain_blast.xml``, ``blast/*.domain_blast.xml`` and ``hhsearch/*.hhr`` of a batch's chains.

    Every chain gets its files, identical ones equal files but for their name. Without ``chains``, all that were
    searched. ``output`` is the folder of ``blast`` and ``hhsearch`` (default: the batch). Results that are not in the
    cache are reported, not searched again.

    Raises:
        BatchError: there is no such batch or chain, the batch was made under other settings, or the disk is full.
        ReferenceDataError: the reference cannot be opened.
    """
    batch = go_on(path, settings)
    failures: dict[str, str] = {}
    groups = list(_groups(batch, [batch.record(key) for key in chains], failures))
    export = _Export(batch, settings, output or batch.path)
    export.read_targets(groups, progress)
    for done, group in enumerate(groups):
        progress("writing", done, len(groups))
        reasons = export.write(group)
        if reasons:
            failures |= {str(key): "; ".join(reasons) for key in group.members}
    progress("writing", len(groups), len(groups))
    count = sum(len(group.members) for group in groups)
    return ExportReport(export.folder, count, tuple(export.files), failures)


def _groups(batch: Batch, named: list[ChainRecord], failures: dict[str, str]) -> Iterator[SequenceGroup]:
    """The searched chains by their sequence; the named ones without searches are failures."""
    members: dict[str, list[ChainKey]] = {}
    for record in named or batch.manifest.chains.values():
        if record.can_classify and record.blast_status is Status.COMPLETE:
            members.setdefault(record.representative or str(record.key), []).append(record.key)
        elif named:
            state = record.cannot_classify_reason or f"BLAST is {record.blast_status}"
            failures[str(record.key)] = f"it has no searches in this batch: {state}"
    for name, keys in members.items():
        lead = batch.manifest.chains.get(name) or batch.record(keys[0])
        earlier = {kind: lead.files[kind] for kind in EvidenceType if kind in lead.files}
        if earlier:
            files = ", ".join(sorted(set(earlier.values())))
            reason = f"its evidence was taken over from an earlier batch ({files}): export that one"
            failures |= {str(key): reason for key in keys}
            continue
        yield SequenceGroup(
            md5=lead.sequence_md5,
            length=lead.sequence_length,
            representative=lead.key,
            members=tuple(sorted(set(keys))),
            needs_hhsearch=lead.hhsearch_status is Status.COMPLETE,
        )


class _Export:
    """What all groups share: where results come from, the targets' sequences, and the files written so far."""

    def __init__(self, batch: Batch, settings: Settings, folder: Path) -> None:
        assert settings.reference is not None
        self.batch, self.settings, self.folder = batch, settings, folder
        self.reference = Reference.open(settings.reference)
        self.load = EvidenceLoader(self.reference, SearchCache(settings.cache_dir), settings)
        self.targets: dict[EvidenceType, Targets] = {}
        self.files: list[Path] = []

    def read_targets(self, groups: Sequence[SequenceGroup], progress: Progress) -> None:
        """Read the sequences of all targets, each database once; ids cannot be looked up in one."""
        wanted: dict[EvidenceType, set[str]] = {kind: set() for kind in EvidenceType}
        for done, group in enumerate(groups):
            progress("reading results", done, len(groups))
            for result in self._results(group, []):
                wanted[result.type].update(hit.target for hit in result.hits)
        domain, chain, profile = EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST, EvidenceType.HHSEARCH
        wanted[domain] |= wanted[profile]  # profiles are of domains
        if wanted[domain]:
            progress("reading domain sequences", 0, 1)
        self.targets[domain] = _read_targets(self.reference.domain_db, wanted[domain])
        if self.reference.chain_db is not None:
            progress("reading chain sequences", 0, 1)
            self.targets[chain] = _read_targets(self.reference.chain_db, wanted[chain])
        if any(group.needs_hhsearch for group in groups):
            prefix, _ = database_of(profile, self.reference)
            with Path(f"{prefix}_cs219.ffindex").open("rb") as index:
                count = sum(1 for _ in index)
            self.targets[profile] = Targets(str(prefix), count, letters=self.targets[domain].letters)

    def write(self, group: SequenceGroup) -> list[str]:
        """Write the files of all members; the reasons why some cannot be."""
        reasons: list[str] = []
        for result in self._results(group, reasons):
            folder, suffix = OUTPUT_FILES[result.type]
            for key in group.members:
                try:
                    text = self._format(result, key)
                except BrokenInputError as error:
                    reasons.append(f"{result.type}: {describe(error)}")
                    break
                path = self.folder / folder / f"{key.file_stem}.{suffix}"
                with disk_errors(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    atomic_write(path, text, durable=False)
                self.files.append(path)
        return reasons

    def _format(self, result: SearchResult, key: ChainKey) -> str:
        targets = self.targets[result.type]
        if result.type is EvidenceType.HHSEARCH:
            return format_hhr(result, str(key), targets)
        return format_blast_xml(result, str(key), targets, max_evalue=self.settings.search.evalue)

    def _results(self, group: SequenceGroup, reasons: list[str]) -> Iterator[SearchResult]:
        """What the cache has; BLAST that was pruned leaves the profile search, and the other way round."""
        try:
            query = read_query(group, self.batch.path)
        except BrokenInputError as error:
            reasons.append(describe(error))
            return
        for profiles in (False, True) if group.needs_hhsearch else (False,):
            try:
                yield from self.load(query, with_blast=not profiles, with_hhsearch=profiles).values()
            except MissingResultError as error:
                reasons.append(describe(error))


def _read_targets(prefix: Path, wanted: set[str]) -> Targets:
    letters, ordinals = {}, {}
    count = residues = 0
    for id_, sequence in read_database(prefix):
        if id_ in wanted:
            letters[id_], ordinals[id_] = sequence, count
        count += 1
        residues += len(sequence)
    return Targets(str(prefix), count, residues, letters, ordinals)
