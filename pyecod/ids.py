"""Ids of entries and chains: parsed once, at the border, before they become keys or file names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import unquote

from pyecod.errors import IdError

_CLASSIC = re.compile(r"[0-9][a-z0-9]{3}")
_EXTENDED = re.compile(r"pdb_([0-9a-z]{4})([0-9a-z]{4})")
_CHAIN = re.compile(
    r"(?=.{1,64}\Z)(?:[A-Za-z0-9]|%[0-9A-F]{2})(?:[A-Za-z0-9.-]|%[0-9A-F]{2})*(?:@(?:[A-Za-z0-9.-]|%[0-9A-F]{2})+)?"
)
_LONGEST_CHAIN = 64
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
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
    ``chain_id`` is the author's chain id, case kept; what is no letter, digit, ``.`` or ``-`` is percent-encoded
    (:meth:`of_author`), so that it can be a file name everywhere.
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

    @property
    def author_part(self) -> str:
        """The chain id without the label id that tells chains of one author id apart: what author ranges begin with."""
        return self.chain_id.partition("@")[0]

    @property
    def author_id(self) -> str:
        """The author's chain id as the file has it (``A_1`` of ``9aaa_A%5F1``)."""
        return unquote(self.author_part)

    @classmethod
    def of_author(cls, pdb_id: str, author_id: str, label_id: str = "") -> ChainKey:
        """Key of a chain whatever its author's id is.

        What the grammar lacks is percent-encoded (UTF-8): ``A_1`` gives ``A%5F1``. ``label_id`` (mmCIF's own id of the
        chain) is appended where several polymers of the entry have the author id: ``A@C``. What is longer than 64
        characters then is cut, and ends in its checksum.

        >>> str(ChainKey.of_author("9AAA", "A_1"))
        '9aaa_A%5F1'

        Raises:
            IdError: ``pdb_id`` is not a PDB id.
        """
        whole = _encoded(author_id or "?") + (f"@{_encoded(label_id)}" if label_id else "")
        if len(whole) > _LONGEST_CHAIN:
            whole = f"{_beginning(author_id[:40], 40)}@{hashlib.sha256(whole.encode()).hexdigest()[:16]}"
        return cls(parse_pdb_id(pdb_id), whole)

    @classmethod
    def of_pdb(cls, pdb_id: str, chain_id: str) -> ChainKey:
        """Key of a PDB chain; both ids are checked.

        Raises:
            IdError: either id does not follow its grammar (a chain id has letters, digits, ``.`` and ``-``, and others
                percent-encoded).
        """
        entry = parse_pdb_id(pdb_id)
        if not _CHAIN.fullmatch(chain_id) or not _is_canonical(chain_id):
            raise IdError(
                f"{chain_id!r} is not a chain id",
                where=f"entry {entry}",
                hint="letters, digits, '.' and '-', others percent-encoded (A_1 is A%5F1), at most 64 characters",
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


def _encoded(text: str) -> str:
    """Percent-encoded, byte for byte of its UTF-8; ``.`` and ``-`` may not be first."""
    return "".join(
        chr(byte) if byte in _PLAIN or (place and byte in b".-") else f"%{byte:02X}"
        for place, byte in enumerate(text.encode("utf-8", "replace"))
    )


def _beginning(text: str, most: int) -> str:
    """As many whole characters of a text, encoded, as fit into ``most``."""
    while len(_encoded(text)) > most:
        text = text[:-1]
    return _encoded(text)


def _is_canonical(chain_id: str) -> bool:
    """Nothing is encoded that need not be: else one chain would have two keys."""
    author, _, label = chain_id.partition("@")
    try:
        return _encoded(unquote(author, errors="strict")) == author and (
            not label or _encoded(unquote(label, errors="strict")) == label
        )
    except UnicodeDecodeError:
        return False
