"""Chains from a FASTA file: the second way into the pipeline, for proteomes and a lab's own sequences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyecod.errors import BrokenInputError, IdError, together
from pyecod.fasta import read_fasta
from pyecod.ids import ChainKey
from pyecod.pdb.chain import Chain
from pyecod.pdb.eligibility import why_not_classifiable

if TYPE_CHECKING:
    from pyecod.settings import ChainSettings

_UNIPROT = re.compile(r"(?:sp|tr)\|([^|]+)\|[^|]+")


def read_fasta_chains(path: Path, settings: ChainSettings) -> list[Chain]:
    """Every record of a protein FASTA file, plain or ``.gz``, as a chain, in the file's order.

    The id is the title's first word: a PDB chain (``1sua_A``) or a record id (``P00350``); of a UniProt title
    (``sp|P00350|6PGD_ECOLI``) it is the accession. Peptides, too long and all-X sequences are chains with a
    ``cannot_classify`` reason, as in PDB entries. There is no author numbering.

    Raises:
        BrokenInputError: not FASTA, or records with unusable or repeated ids, wrong letters or no sequence: all of
            them in one message, each with its line.
    """
    refused: list[BrokenInputError] = []
    chains: dict[ChainKey, Chain] = {}
    lines: dict[ChainKey, int] = {}
    for record in read_fasta(path, refuse=lambda _, error: refused.append(error)):
        uniprot = _UNIPROT.fullmatch(record.id)
        where = f"{path}:{record.line}"
        try:
            key = ChainKey.parse(uniprot[1] if uniprot else record.id)
        except IdError as error:
            refused.append(BrokenInputError(error.what, where=where, hint=error.hint))
            continue
        if key in chains:
            refused.append(BrokenInputError(f"{record.id!r} is {key}, as in line {lines[key]}", where=where))
            continue
        lines[key] = record.line
        chains[key] = Chain(key, record.sequence, cannot_classify=why_not_classifiable(record.sequence, settings))
    if refused:
        raise together(sorted(refused, key=_line), f"{len(refused)} records cannot be used", where=path)
    return list(chains.values())


def _line(error: BrokenInputError) -> int:
    number = (error.where or "").rpartition(":")[2]
    return int(number) if number.isdigit() else 0
