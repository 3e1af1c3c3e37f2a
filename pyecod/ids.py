"""Ids of entries and chains: parsed once, at the border, before they become keys or file names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyecod.errors import IdError

_CLASSIC = re.compile(r"[0-9][a-z0-9]{3}")
_EXTENDED = re.compile(r"pdb_([0-9a-z]{4})([0-9a-z]{4})")
_CHAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,15}")
_RECORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def parse_pdb_id(text: str) -> str:
    """Canonical PDB id: four characters where the entry has them, the extended form otherwise.

    ``8S72`` and ``pdb_00008s72`` are the same entry and both give ``8s72``; ``pdb_10008s72`` has no
    four-character form and stays as it is.

    Raises:
        IdError: the text is neither form.
    """
    lowered = text.strip().lower()
    if _CLASSIC.fullmatch(lowered):
        return lowered
    extended = _EXTENDED.fullmatch(lowered)
    if extended is None:
        raise IdError(f"{text!r} is not a PDB id", hint="expected 8s72 or pdb_00008s72")
    if extended[1] == "0000" and _CLASSIC.fullmatch(extended[2]):
        return extended[2]
    return lowered


def extended_pdb_id(pdb_id: str) -> str:
    """The extended form of a canonical id: ``8s72`` gives ``pdb_00008s72``."""
    return pdb_id if pdb_id.startswith("pdb_") else f"pdb_0000{pdb_id}"


@dataclass(frozen=True, slots=True, order=True)
class ChainKey:
    """One chain of one entry, written ``8s72_N``; a record of a plain FASTA file has no chain id.

    ``entry_id`` is a canonical PDB id, or the record's own id (``P00350``) with an empty ``chain_id``.
    ``chain_id`` is the author's chain id, case kept.
    """

    entry_id: str
    chain_id: str = ""

    def __str__(self) -> str:
        return f"{self.entry_id}_{self.chain_id}" if self.chain_id else self.entry_id

    @property
    def file_stem(self) -> str:
        """Name for this chain's files, distinct even where the file system ignores case.

        ``8abc_A`` stays as it is; the lower-case letters of a chain or record id are marked by a hexadecimal
        mask (first character = lowest bit): ``8abc_a`` gives ``8abc_a~1``, ``8abc_Ba`` gives ``8abc_Ba~2``.
        """
        cased = self.chain_id or self.entry_id
        mask = sum(1 << i for i, letter in enumerate(cased) if letter.islower())
        return f"{self}~{mask:x}" if mask else str(self)

    @classmethod
    def of_pdb(cls, pdb_id: str, chain_id: str) -> ChainKey:
        """Key of a PDB chain; both ids are checked.

        Raises:
            IdError: either id does not follow its grammar (a chain id has letters, digits, ``.`` and ``-``).
        """
        entry = parse_pdb_id(pdb_id)
        if not _CHAIN.fullmatch(chain_id):
            raise IdError(
                f"{chain_id!r} is not a chain id",
                where=f"entry {entry}",
                hint="letters, digits, '.' and '-', at most 16 characters",
            )
        return cls(entry, chain_id)

    @classmethod
    def parse(cls, text: str) -> ChainKey:
        """Read ``8s72_N``, ``pdb_00008s72_N``, or the id of a FASTA record (``P00350``).

        Raises:
            IdError: the text is none of these.
        """
        text = text.strip()
        entry, _, chain = text.rpartition("_")
        if entry and chain:
            try:
                return cls.of_pdb(entry, chain)
            except IdError:
                pass  # not a PDB chain: it may still be a record id with an underscore in it
        if not _RECORD.fullmatch(text):
            raise IdError(
                f"{text!r} is not a chain or record id",
                hint="expected 8s72_A, or letters, digits, '.', '_' and '-', at most 80 characters",
            )
        return cls(text)
