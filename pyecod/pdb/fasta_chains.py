"""Chains from a FASTA file: the second way into the pipeline, for proteomes and a lab's own sequences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyecod.errors import BrokenInputError, IdError, together
from pyecod.fasta import FastaRecord, read_fasta
from pyecod.files import memory_limit
from pyecod.ids import ChainKey
from pyecod.pdb.chain import Chain
from pyecod.pdb.eligibility import why_not_classifiable
from pyecod.titles import record_key

if TYPE_CHECKING:
    from pyecod.settings import ChainSettings

_NUCLEOTIDES = frozenset("ACGTU")
_SHORTEST_GENE = 30  # letters; a shorter protein may have three kinds of A, C, G and T by chance
_CHAIN_BYTES = 800  # of a chain in memory besides its sequence
_SHARE = 4  # of the memory that is there, the sequences of a file may take the fourth part
_LONGEST_NAME = 60


def read_fasta_chains(path: Path, settings: ChainSettings) -> list[Chain]:
    """Every record of a protein FASTA file, plain or gzipped, as a chain, in the file's order.

    The key is that of :func:`pyecod.titles.record_key`: a PDB chain (``1sua_A``) or a record id (``P00350``). Peptides,
    too long and all-X sequences are chains with a ``cannot_classify`` reason, as in PDB entries. A record that cannot
    be used (a wrong letter, no sequence, nucleotides, a repeated id) is a chain with a ``failure`` that names its line,
    and costs no other one. There is no author numbering.

    Raises:
        BrokenInputError: not FASTA, more than the memory holds, or no record can be used: the reasons in one message.
    """
    chains: dict[ChainKey, Chain] = {}
    lines: dict[ChainKey, int] = {}
    refused: list[BrokenInputError] = []
    room = memory_limit() // _SHARE

    def fail(record: FastaRecord, error: BrokenInputError) -> None:
        refused.append(error)
        key = _free_key(record, lines)
        lines[key] = record.line
        line = (error.where or "").rpartition(":")[2]
        chains[key] = Chain(key, "", failure=f"line {line} of {path.name}: {error.what}")

    for record in read_fasta(path, refuse=fail, unique=False):
        where = f"{path}:{record.line}"
        room -= len(record.sequence) + len(record.title) + _CHAIN_BYTES
        if room < 0:
            hint = "split the file, or use a machine with more memory"
            raise BrokenInputError("more sequences than the memory of this machine holds", where=where, hint=hint)
        try:
            key = record_key(record.title)
        except IdError as error:
            fail(record, BrokenInputError(error.what, where=where, hint=error.hint))
            continue
        if key in lines:
            fail(record, BrokenInputError(f"{record.title[:60]!r} is {key}, as in line {lines[key]}", where=where))
        elif _is_nucleic(record.sequence):
            fail(record, BrokenInputError("nucleotides, not a protein: translate it first", where=where))
        else:
            lines[key] = record.line
            chains[key] = Chain(key, record.sequence, cannot_classify=why_not_classifiable(record.sequence, settings))
    if len(refused) == len(chains):
        raise together(refused, f"none of the {len(refused)} records can be used", where=path)
    return list(chains.values())


def _is_nucleic(sequence: str) -> bool:
    letters = set(sequence)
    known = letters & _NUCLEOTIDES
    return len(sequence) >= _SHORTEST_GENE and len(known) >= 3 and not letters - _NUCLEOTIDES - {"N", "X"}


def _free_key(record: FastaRecord, taken: dict[ChainKey, int]) -> ChainKey:
    """A key for a record that cannot be used: its own where that is free, else with its line."""
    try:
        key = record_key(record.title)
    except IdError:
        return ChainKey.parse(f"line{record.line}")
    return key if key not in taken else ChainKey.parse(f"{str(key)[:_LONGEST_NAME]}.line{record.line}")
