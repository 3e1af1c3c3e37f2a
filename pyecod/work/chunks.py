"""What is left to do for a batch, and how it is packed into chunks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pyecod.batch.manifest import Manifest
from pyecod.batch.record import ChainChanges, ChainRecord, ChainUpdate, Status, Step
from pyecod.ids import ChainKey
from pyecod.settings import RunSettings

_EVIDENCE = ("chain_blast", "domain_blast", "hhsearch")  # kinds of files, named like the types of evidence


class Searchable(Protocol):
    """A unique sequence: a :class:`~pyecod.search.hit.Query` or a :class:`SequenceGroup`."""

    @property
    def md5(self) -> str:
        """MD5 of the sequence, hexadecimal."""

    @property
    def length(self) -> int:
        """Residues."""


S = TypeVar("S", bound=Searchable)


@dataclass(frozen=True, slots=True)
class SequenceGroup:
    """Chains of a batch with one sequence. ``members`` are those whose record is still to be made, in order, the
    representative first where it is one of them; ``attempts`` are the representative's so far. ``evidence`` names the
    files of earlier evidence by type (repairs, batches of the older tools), relative to the batch. ``seconds`` were
    spent on it so far in this batch. ``entries`` are those of all its chains, done or not: what is of a chain's own
    entry is left out for its copies too."""

    md5: str
    length: int
    representative: ChainKey
    members: tuple[ChainKey, ...]
    needs_hhsearch: bool | None = None
    attempts: int = 0
    evidence: Mapping[str, str] = field(default_factory=dict, compare=False)
    seconds: float = 0.0
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """Groups by what they need next. A group that needs BLAST will need the later steps too; ``records`` only need
    the records of members whose representative is done. ``exhausted`` chains have failed too often."""

    blast: tuple[SequenceGroup, ...] = ()
    hhsearch: tuple[SequenceGroup, ...] = ()
    partition: tuple[SequenceGroup, ...] = ()
    records: tuple[SequenceGroup, ...] = ()
    exhausted: tuple[ChainKey, ...] = ()

    @property
    def groups(self) -> tuple[SequenceGroup, ...]:
        """All groups with something left to do."""
        return self.blast + self.hhsearch + self.partition + self.records

    @property
    def chain_count(self) -> int:
        """Chains that will get a record."""
        return sum(len(group.members) for group in self.groups)

    def __bool__(self) -> bool:
        return bool(self.groups)


def choose_representatives(chains: Iterable[ChainRecord]) -> list[ChainUpdate]:
    """Updates that give every classifiable chain its representative: the first, in the order of chain keys, of those
    with its sequence. A representative that was chosen earlier stays, so that its files are found again; a chain that
    comes when its representative has been searched (its entry was read late) takes over the outcome of the searches."""
    chains = sorted((chain for chain in chains if chain.can_classify), key=lambda chain: chain.key)
    known = {str(chain.key): chain for chain in chains}
    chosen: dict[str, str] = {}
    for chain in chains:
        if chain.sequence_md5 and chain.representative in known:
            chosen.setdefault(chain.sequence_md5, str(chain.representative))
    updates = []
    for chain in chains:
        own = str(chain.key)
        representative = chosen.setdefault(chain.sequence_md5, own) if chain.sequence_md5 else own
        changes: ChainChanges = {} if chain.representative is not None else {"representative": representative}
        changes |= _shared_searches(chain, known.get(chain.representative or representative))
        if changes:
            updates.append(ChainUpdate(chain.key, changes))
    return updates


def _shared_searches(chain: ChainRecord, lead: ChainRecord | None) -> ChainChanges:
    """What is known from the searches of its representative and not yet in a chain's record."""
    if lead is None or lead.blast_status is not Status.COMPLETE or chain.blast_status is not Status.PENDING:
        return {}
    changes: ChainChanges = {
        "blast_status": lead.blast_status,
        "blast_coverage": lead.blast_coverage,
        "needs_hhsearch": lead.needs_hhsearch,
    }
    if lead.hhsearch_status in (Status.COMPLETE, Status.NOT_NEEDED):
        changes["hhsearch_status"] = lead.hhsearch_status
        changes["hhsearch_coverage"] = lead.hhsearch_coverage
    return changes


def next_step(record: ChainRecord) -> Step | None:
    """The first step a chain still needs; None when it is done, cannot be classified, or needs its file mended.

    What was running when its driver died is not done.
    """
    if not record.can_classify or record.is_unusable:
        return None
    if record.blast_status is Status.NOT_NEEDED and record.partition_status is Status.COMPLETE:
        return None  # mapped from the representative of its cluster
    if record.blast_status is not Status.COMPLETE:
        return Step.BLAST
    searched = record.hhsearch_status in (Status.COMPLETE, Status.NOT_NEEDED)
    if not searched and record.needs_hhsearch is not False:
        return Step.HHSEARCH
    return None if record.partition_status is Status.COMPLETE else Step.PARTITION


def is_exhausted(record: ChainRecord, max_attempts: int) -> bool:
    """The chain failed, and as often as is allowed."""
    return record.is_failed and record.attempts >= max_attempts


def pending_work(manifest: Manifest, settings: RunSettings, mended: Collection[str] = ()) -> Work:
    """What a batch still needs, longest sequences first, the same whenever it is asked of the same state.

    Failed chains are tried again until they have had ``max_attempts``; those without a sequence are not, nor those that
    repairs have ``mended`` (keys).
    """
    members: dict[str, list[ChainRecord]] = {}
    exhausted: list[ChainKey] = []
    for record in manifest.chains.values():
        if record.is_unusable:
            exhausted.append(record.key)
        elif record.can_classify and not (record.is_failed and str(record.key) in mended):
            members.setdefault(record.representative or str(record.key), []).append(record)
    found: dict[Step | None, list[SequenceGroup]] = {step: [] for step in (*Step, None)}  # None: records are lacking
    for name, records in members.items():
        lead = manifest.chains.get(name) or min(records, key=lambda record: record.key)
        pending = [record for record in records if next_step(record) is not None or record.is_failed]
        if is_exhausted(lead, settings.max_attempts):
            exhausted += [record.key for record in pending]
            continue
        exhausted += [record.key for record in pending if is_exhausted(record, settings.max_attempts)]
        pending = [record for record in pending if not is_exhausted(record, settings.max_attempts)]
        if pending:
            found[next_step(lead)].append(_group(lead, pending, records))
    packed = {step: tuple(sorted(groups, key=_longest_first)) for step, groups in found.items()}
    return Work(
        blast=packed[Step.BLAST],
        hhsearch=packed[Step.HHSEARCH],
        partition=packed[Step.PARTITION],
        records=packed[None],
        exhausted=tuple(sorted(exhausted)),
    )


def _group(lead: ChainRecord, pending: list[ChainRecord], all_: list[ChainRecord]) -> SequenceGroup:
    keys = sorted((record.key for record in pending), key=lambda key: (key != lead.key, key))
    return SequenceGroup(
        md5=lead.sequence_md5,
        length=lead.sequence_length,
        representative=lead.key,
        members=tuple(keys),
        needs_hhsearch=lead.needs_hhsearch,
        attempts=lead.attempts,
        evidence={kind: lead.files[kind] for kind in _EVIDENCE if kind in lead.files},
        seconds=lead.seconds or 0.0,
        entries=tuple(sorted({record.key.entry_id for record in all_})),
    )


def _longest_first(item: SequenceGroup) -> tuple[int, str, ChainKey]:
    return (-item.length, item.md5, item.representative)


WORTH_A_PROCESS = 25
"""Sequences that are worth a BLAST process of their own."""


def plan_chunks(queries: Iterable[S], settings: RunSettings) -> list[tuple[S, ...]]:
    """Pack sequences into chunks, each for one task: at most ``chunk_size`` sequences and ``chunk_cost`` residues, the
    most expensive first, so that the last ones to run are short. A longer sequence gets a chunk of its own. The same
    sequences give the same chunks, in whatever order they come.
    """
    packed: list[list[S]] = []
    residues = settings.chunk_cost + 1
    for query in sorted(queries, key=lambda query: (-query.length, query.md5)):
        residues += query.length
        if residues > settings.chunk_cost or len(packed[-1]) == settings.chunk_size:
            packed.append([])
            residues = query.length
        packed[-1].append(query)
    return sorted(map(tuple, packed), key=lambda chunk: -sum(query.length for query in chunk))


def plan_blast_chunks(queries: Sequence[S], settings: RunSettings, workers: int) -> list[tuple[S, ...]]:
    """Chunks of a BLAST search: at most ``chunk_size``, and so many that every worker gets some, but none for fewer
    than :data:`WORTH_A_PROCESS` sequences, because a process shares the reading of the database among them."""
    return _shared_out(queries, settings, workers, WORTH_A_PROCESS, settings.chunk_size)


def plan_profile_chunks(queries: Sequence[S], settings: RunSettings, workers: int) -> list[tuple[S, ...]]:
    """Chunks of a profile search, minutes for each sequence: at most ``hhsearch_chunk_size``, and so many that every
    worker gets some."""
    return _shared_out(queries, settings, workers, 1, settings.hhsearch_chunk_size)


def _shared_out(
    queries: Sequence[S], settings: RunSettings, workers: int, least: int, most: int
) -> list[tuple[S, ...]]:
    share = -(-len(queries) // (2 * workers))
    return plan_chunks(queries, settings.model_copy(update={"chunk_size": min(max(share, least), most)}))
