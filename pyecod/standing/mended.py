"""What failed in a batch and stands well meanwhile, because a repair did it again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from pyecod.batch import Batch, BatchType, Status
from pyecod.batch.header import week_of
from pyecod.ids import ChainKey
from pyecod.standing.current import CurrentState


@dataclass(frozen=True, slots=True)
class Mended:
    """Failed chains and entries, by the folder name of their batch, in whose place a repair's result stands; an entry
    when it was read and each of its chains has a result. ``problems`` says which batches could not be read."""

    by_batch: dict[str, set[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def count(self, batch: str) -> int:
        """Mended chains and entries of a batch."""
        return len(self.by_batch.get(batch, ()))


def find_mended(
    base_path: Path, batches: Collection[str] | None = None, *, opened: Callable[[Batch], object] = lambda _: None
) -> Mended:
    """Look through the batches under a folder, or for those with these folder names and what they need. ``opened`` is
    told every batch that is read, FASTA batches too.

    Raises:
        BatchError: there is no such folder.
    """
    lost: list[tuple[str, str, object]] = []

    def look(batch: Batch) -> None:
        opened(batch)
        if batch.header.batch_type is BatchType.WEEKLY:
            week = week_of(batch.header)
            entries = batch.manifest.entries.values()
            lost.extend((batch.path.name, entry.pdb_id, week) for entry in entries if entry.status is Status.FAILED)

    state = CurrentState(base_path, batches=batches, fasta=True, opened=look)
    mended: dict[str, set[str]] = {}
    repaired: set[tuple[str, object]] = set()
    still_bad: set[tuple[str, object]] = set()
    for chain in state.weeks_of_chains():
        current = chain.current
        well = chain.stands and current.contender.has_result
        (repaired if well else still_bad).add((current.key.entry_id, current.week))
        for one in chain.records:
            if chain.is_mended(one):
                mended.setdefault(one.batch_path.name, set()).add(str(one.key))
    for name, pdb_id, week in lost:
        if (pdb_id, week) in repaired - still_bad:
            mended.setdefault(name, set()).add(pdb_id)
    return Mended(mended, state.problems)


def mended_since(batch: Batch) -> frozenset[str]:
    """Failed chains and entries of a week's batch that repairs have mended: trying them again would change nothing."""
    failed = any(chain.is_failed for chain in batch.manifest.chains.values())
    failed = failed or any(entry.status is Status.FAILED for entry in batch.manifest.entries.values())
    if not failed or batch.header.batch_type is not BatchType.WEEKLY:
        return frozenset()
    folder = batch.path.absolute()
    return frozenset(find_mended(folder.parent, {folder.name}).by_batch.get(folder.name, ()))


def find_replaced(batch_path: Path) -> set[ChainKey]:
    """The chains of a batch in whose place the result of another batch stands.

    Raises:
        BatchError: there is no such folder.
    """
    name = batch_path.name
    state = CurrentState(batch_path.parent, batches=[name])
    replaced = (
        chain
        for chain in state.weeks_of_chains()
        if chain.stands and chain.current.batch_path.name != name and chain.current.contender.has_result
    )
    return {one.key for chain in replaced for one in chain.records if one.batch_path.name == name}
