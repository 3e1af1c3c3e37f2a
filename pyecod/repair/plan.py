"""Repairs: plan exactly what would be done, and make the batch that does it."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyecod.batch import Batch, BatchPaths, BatchType, find_batches, is_batch, read_manifest, repair_name
from pyecod.batch.record import ChainRecord, EntryRecord, Status, Step, Verdict
from pyecod.batch.repair_plan import RepairItem, Standing, write_repair_record
from pyecod.errors import BatchError, BrokenInputError, UsageError, describe
from pyecod.pdb import save_entry
from pyecod.pdb.chain import Chain, Entry
from pyecod.reference import Reference
from pyecod.reference.ready import open_reference
from pyecod.repair.chain_source import ChainSource
from pyecod.repair.request import RepairRequest
from pyecod.repair.searches import SearchPlan, forget_searches, plan_searches
from pyecod.repair.selection import Choice, Selection, Unreadable, select_chains
from pyecod.search.hit import EvidenceType
from pyecod.settings import Settings
from pyecod.work.chunks import choose_representatives
from pyecod.work.entries import chain_record, entry_record, write_fastas
from pyecod.work.previous import find_previous
from pyecod.work.start import go_on, new_header

_MOST_IN_HEADER = 20
_BLAST = (EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST)
_ALL_STEPS = (str(Step.BLAST), f"{Step.HHSEARCH} where needed", str(Step.PARTITION))


@dataclass(frozen=True, slots=True)
class PlannedChain:
    """One chain of a plan: what is written down about it, its sequence (None where it cannot be had), and its first
    record in the repair batch. ``previous`` are the files of earlier evidence that are used."""

    item: RepairItem
    record: ChainRecord
    chain: Chain | None = None
    previous: Mapping[EvidenceType, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """All that a repair would do. ``resumes``: the batch was begun with the same request and is gone on with; then
    ``chains`` are empty, its own plan holds. ``left`` was looked at and stays as it is, with the reason."""

    request: RepairRequest
    batch_path: Path
    chains: tuple[PlannedChain, ...] = ()
    entries: Mapping[str, Entry] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    searches: SearchPlan = field(default_factory=SearchPlan)
    resumes: bool = False

    @property
    def is_work(self) -> bool:
        """Something can be done; entries that cannot be read alone make no batch."""
        return self.resumes or bool(self.chains)

    @property
    def sequences(self) -> int:
        """Different sequences to be partitioned."""
        return len({c.record.sequence_md5 for c in self.chains if c.item.steps})

    @property
    def source_weeks(self) -> tuple[str, ...]:
        """Releases the chains come from."""
        return tuple(sorted({c.item.week for c in self.chains if c.item.week}))


def plan_repair(request: RepairRequest, settings: Settings) -> RepairPlan:
    """What a repair would do now; changes nothing, and reads from the mirror or the server what is to be read again.

    Raises:
        UsageError: the batch named in the request does something else.
        ConfigError, ReferenceDataError: no usable reference. BatchError: there is no folder of batches.
        ConfigError, FetchError: entries are to be read, and the mirror is not a folder or the server cannot be reached.
    """
    reference = open_reference(settings)
    path, resumes = _find_batch(request, settings)
    if resumes:
        return RepairPlan(request, path, resumes=True)
    selection = select_chains(request, settings, reference)
    source = ChainSource((c for c in selection.choices.values() if c.mark == Verdict.PENDING and not c.lost), settings)
    chains = _Planner(request, settings, selection, source).plan()
    return RepairPlan(
        request=request,
        batch_path=path,
        chains=chains,
        entries=source.entries,
        unreadable=tuple(selection.unreadable.values()),
        left=selection.left,
        notes=(*selection.notes, *source.notes, *_evidence_notes(chains, selection, reference)),
        searches=plan_searches(((c.record, c.chain) for c in chains if c.chain and c.item.steps), request, settings),
    )


def begin_repair(plan: RepairPlan, settings: Settings) -> Batch:
    """Make the batch of a plan, or open the one it goes on with.

    Sequences and entries are copied from the source batches, or kept as they were read now. Searches that
    are to be run again are removed from the search cache. The manifest comes last: what was interrupted is done again.

    Raises:
        BatchError: the batch was begun with other settings, or the disk is full.
    """
    if plan.resumes:
        return go_on(plan.batch_path, settings)
    request = plan.request
    paths = BatchPaths(plan.batch_path)
    paths.make()
    for entry in plan.entries.values():
        save_entry(entry, paths.entries)
    write_fastas((c.chain for c in plan.chains if c.chain is not None), paths.root)
    forget_searches((c.chain for c in plan.chains if c.chain is not None and c.item.steps), request, settings)
    write_repair_record(paths.root, request.to_plain(), (c.item for c in plan.chains))
    header = new_header(
        plan.batch_path.name,
        BatchType.REPAIR,
        settings,
        reason=request.reason,
        source_weeks=plan.source_weeks,
        rerun_blast=request.rerun_blast,
        rerun_hhsearch=request.rerun_hhsearch,
        rerun_partition=request.rerun_partition,
        accept_worse=request.accept_worse,
        request=_short_request(request),
    )
    entries = [_entry_record(entry, plan.chains) for entry in plan.entries.values()]
    for unread in plan.unreadable:
        if "_" not in unread.pdb_id.removeprefix("pdb_"):
            week = unread.week.isoformat() if unread.week else None
            entries.append(
                EntryRecord(unread.pdb_id, Status.FAILED, failure_reason=unread.reason, attempts=1, source_week=week)
            )
    records = [_with_previous(chain, paths) for chain in plan.chains]
    by_key = {record.key: record for record in records}
    for update in choose_representatives(records):
        by_key[update.key].representative = update.changes.get("representative", by_key[update.key].representative)
    return Batch.create(settings.base_path, header, entries=entries, chains=records)


def _find_batch(request: RepairRequest, settings: Settings) -> tuple[Path, bool]:
    """The batch's folder, and whether it was begun with this very request and is not finished."""
    asked, name = _short_request(request), request.batch_name
    if name is not None:
        path = settings.base_path / name
        if not is_batch(path):
            return path, False
        header = read_manifest(BatchPaths(path).manifest).header
        if header.batch_type is not BatchType.REPAIR or header.request != asked:
            raise UsageError(
                "there is a batch of that name that does something else", where=path, hint="choose another --batch-name"
            )
        return path, True
    today = datetime.datetime.now(datetime.UTC).date()
    for path in find_batches(settings.base_path, BatchType.REPAIR.pattern) if settings.base_path.is_dir() else []:
        try:
            header = read_manifest(BatchPaths(path).manifest).header
        except BatchError:
            continue  # `pyecod status` shows it
        if header.request == asked and header.completed is None:
            return path, True
    number = 1
    while (path := settings.base_path / repair_name(today, str(number) if number > 1 else "")).exists():
        if not is_batch(path) and not (path / "journal.jsonl").exists():
            break  # its creation was interrupted
        number += 1
    return path, False


def _short_request(request: RepairRequest) -> dict[str, Any]:
    """The request as the header holds it: a long list of chains as its number and checksum."""
    plain = request.to_plain()
    if len(plain["chains"]) > _MOST_IN_HEADER:
        digest = hashlib.sha256("\n".join(sorted(plain["chains"])).encode()).hexdigest()
        plain["chains"] = [f"{len(plain['chains'])} chains, sha256 {digest}"]
    return plain


class _Planner:
    """Turns choices into planned chains: says what is done, and finds earlier evidence."""

    def __init__(self, request: RepairRequest, settings: Settings, selection: Selection, source: ChainSource) -> None:
        self.request, self.settings, self.selection, self.source = request, settings, selection, source

    def plan(self) -> tuple[PlannedChain, ...]:
        """Planned chains in the order of their keys; identical ones share the newest earlier evidence."""
        planned = [self._plan(choice) for _, choice in sorted(self.selection.choices.items())]
        newest: dict[str, tuple[str, PlannedChain]] = {}
        for chain in planned:
            known = newest.get(chain.record.sequence_md5)
            week = chain.item.week or ""
            if chain.previous and chain.item.steps and (known is None or week > known[0]):
                newest[chain.record.sequence_md5] = (week, chain)
        return tuple(
            _sharing(chain, newest[chain.record.sequence_md5][1], self.request)
            if chain.item.steps and chain.record.sequence_md5 in newest
            else chain
            for chain in planned
        )

    def _plan(self, choice: Choice) -> PlannedChain:
        current, request = choice.current, self.request
        item = RepairItem(
            key=choice.key,
            week=choice.week.isoformat() if choice.week else None,
            source=current.batch_path.name if current else None,
            why=choice.why,
            steps=(),
            mark=choice.mark,
            before=Standing.of(current.record, current.batch_path) if current else None,
        )
        if choice.mark != Verdict.PENDING:
            assert current is not None
            return PlannedChain(item, _marked_record(choice, current.record, item.week))
        if choice.lost is not None:
            return PlannedChain(item, self._lost_record(choice, item.week, choice.lost))
        try:
            chain = self.source.chain(choice)
        except BrokenInputError as error:
            return PlannedChain(item, self._lost_record(choice, item.week, describe(error)))
        record = chain_record(chain, item.week)
        if not record.can_classify:
            record.repair_status = Verdict.NOT_CLASSIFIABLE
            return PlannedChain(item, record, chain)
        if record.is_unusable:
            record.repair_status = Verdict.FAILED
            return PlannedChain(item, record)
        record.repair_status = Verdict.PENDING
        item = replace(item, steps=_ALL_STEPS)
        if choice.is_new or current is None or (current.record.is_failed and not current.is_older_form):
            return PlannedChain(item, record, chain)  # what failed may be the evidence's fault: from the beginning
        previous = find_previous(current.record, current.batch_path, older_form=current.is_older_form)
        if request.rerun_blast:
            previous = {kind: path for kind, path in previous.items() if kind not in _BLAST}
        if request.rerun_hhsearch:
            previous.pop(EvidenceType.HHSEARCH, None)
        _take_over(record, current.record, previous)
        item = replace(item, steps=_steps_left(record), evidence=_evidence_kind(previous))
        return PlannedChain(item, record, chain, previous)

    def _lost_record(self, choice: Choice, week: str | None, reason: str) -> ChainRecord:
        """A chain whose sequence cannot be had: recorded as failed, with as much as is known."""
        old = choice.current.record if choice.current else None
        return ChainRecord(
            key=choice.key,
            sequence_length=old.sequence_length if old else 0,
            sequence_md5=old.sequence_md5 if old else "",
            representative=str(choice.key),
            blast_status=Status.FAILED,
            failed_step=Step.BLAST,
            failure_reason=reason,
            attempts=self.settings.run.max_attempts,
            source_week=week,
            repair_status=Verdict.FAILED,
        )


def _take_over(record: ChainRecord, old: ChainRecord, previous: Mapping[EvidenceType, Path]) -> None:
    """The searches that are not run again count as done, with what they found."""
    if EvidenceType.DOMAIN_BLAST not in previous:
        return
    record.blast_status = Status.COMPLETE
    record.blast_coverage = old.blast_coverage
    record.needs_hhsearch = bool(old.needs_hhsearch)
    record.evidence = {
        str(kind): {name: number for name, number in old.evidence[kind].items() if name in ("found", "kept")}
        for kind in previous
        if kind in old.evidence
    }
    if not record.needs_hhsearch:
        record.hhsearch_status = Status.NOT_NEEDED
    elif EvidenceType.HHSEARCH in previous:
        record.hhsearch_status = Status.COMPLETE
        record.hhsearch_coverage = old.hhsearch_coverage


def _steps_left(record: ChainRecord) -> tuple[str, ...]:
    """What the plan says of a chain's steps."""
    if record.blast_status is not Status.COMPLETE:
        return _ALL_STEPS
    searches = (Step.HHSEARCH,) if record.hhsearch_status is Status.PENDING else ()
    return tuple(map(str, (*searches, Step.PARTITION)))


def _evidence_kind(previous: Mapping[EvidenceType, Path]) -> str:
    """What the plan says of a chain's earlier evidence."""
    names = {path.name for path in previous.values()}
    return "none" if not names else "summary" if any("summary" in name for name in names) else "files"


def _sharing(chain: PlannedChain, lead: PlannedChain, request: RepairRequest) -> PlannedChain:
    """The chain with the earlier evidence of an identical one, so that the group's steps are the same."""
    if chain is lead:
        return chain
    record = replace(
        chain.record,
        blast_status=lead.record.blast_status,
        blast_coverage=lead.record.blast_coverage,
        needs_hhsearch=lead.record.needs_hhsearch,
        hhsearch_status=lead.record.hhsearch_status,
        hhsearch_coverage=lead.record.hhsearch_coverage,
        evidence=lead.record.evidence,
    )
    item = replace(chain.item, steps=lead.item.steps, evidence=lead.item.evidence)
    return PlannedChain(item, record, chain.chain, lead.previous)


def _marked_record(choice: Choice, old: ChainRecord, week: str | None) -> ChainRecord:
    """An obsolete or removed chain: known, and no longer to be classified."""
    return ChainRecord(
        key=choice.key,
        sequence_length=old.sequence_length,
        sequence_md5=old.sequence_md5,
        entity_id=old.entity_id,
        can_classify=False,
        cannot_classify_reason=str(choice.mark),
        source_week=week,
        repair_status=str(choice.mark),
        blast_status=Status.NOT_NEEDED,
        hhsearch_status=Status.NOT_NEEDED,
        partition_status=Status.NOT_NEEDED,
    )


def _with_previous(chain: PlannedChain, paths: BatchPaths) -> ChainRecord:
    """The first record with the names of the files of earlier evidence."""
    return replace(chain.record, files={str(kind): paths.relative(path) for kind, path in chain.previous.items()})


def _entry_record(entry: Entry, chains: Iterable[PlannedChain]) -> EntryRecord:
    week = next((c.item.week for c in chains if c.item.key.entry_id == entry.pdb_id), None)
    return replace(entry_record(entry), source_week=week)


def _evidence_notes(chains: Iterable[PlannedChain], selection: Selection, reference: Reference) -> list[str]:
    """What a person should know of evidence that was searched against another reference."""
    others: dict[tuple[str | None, str], int] = {}
    for chain in chains:
        current = selection.choices[chain.item.key].current
        references = current.other_reference(reference) if chain.previous and current else None
        if references is not None and references[0] is not None:
            others[references] = others.get(references, 0) + 1
    return [
        f"the evidence of {count:,} chains was searched against {other} and is read with {now}: "
        "--rerun-blast --rerun-hhsearch searches anew"
        for (other, now), count in sorted(others.items(), key=str)
    ]
