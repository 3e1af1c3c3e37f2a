"""Collect the sequences of many batches, each once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pyecod.batch import Batch
from pyecod.errors import BrokenInputError
from pyecod.families.model import Sequences
from pyecod.fasta import read_fasta
from pyecod.ids import ChainKey
from pyecod.pdb.chain import sequence_md5


def collect_sequences(batch_paths: Iterable[Path]) -> Sequences:
    """Every classifiable chain of the batches, by sequence; of identical ones the first has the sequence's file.

    Raises:
        BatchError: a batch cannot be read. BrokenInputError: a sequence file is missing or holds another sequence.
    """
    found = Sequences()
    for path in batch_paths:
        batch = Batch.open(path)
        found.batches.append(batch.name)
        for name in sorted(batch.manifest.chains):
            record = batch.manifest.chains[name]
            if not record.can_classify or not record.sequence_md5:
                continue
            if record.sequence_md5 not in found.residues:
                found.residues[record.sequence_md5] = _read(batch, record.key, record.sequence_md5)
            found.chains.setdefault(record.sequence_md5, []).append((record.key, batch.name))
    return found


def _read(batch: Batch, key: ChainKey, md5: str) -> str:
    path = batch.paths.fasta_path(key)
    sequence = next(read_fasta(path)).sequence
    if sequence_md5(sequence) != md5:
        raise BrokenInputError("the sequence is not the one recorded in the manifest", where=path)
    return sequence
