"""BLAST databases of a reference: made and read back with the programs of BLAST+.

The title of every sequence is its id and nothing else, and ids are not parsed (no ``-parse_seqids``), so that their
case survives: the id of a hit is the first word of ``Hit_def``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pyecod.errors import ReferenceDataError
from pyecod.files import sha256_of
from pyecod.node.program import find_program, run_program, stream_program


def fasta_entry(id_: str, sequence: str) -> bytes:
    """A record as :func:`make_database` wants it: two lines, the title being the id."""
    return f">{id_}\n{sequence}\n".encode("ascii")


def make_database(fasta: Path, title: str) -> str:
    """Make a protein database beside ``fasta`` (its name without suffix is the prefix) and give its id.

    The id is the SHA-256 of the file: of the ids and sequences, in their order. The database is read back to see that
    it holds exactly these.

    Raises:
        ProgramError: a program is missing or failed.
        ReferenceDataError: the database does not hold what the file does.
    """
    # programs split paths at blanks, so they stand in the folder and get bare names; version 4 because that of
    # version 5 has an LMDB file, which wants a huge address space and disagrees with some network file systems
    command: list[str | Path] = [find_program("makeblastdb"), "-in", fasta.name, "-out", fasta.stem, "-title", title]
    run_program([*command, "-dbtype", "prot", "-blastdb_version", "4"], timeout=math.inf, folder=fasta.parent)
    expected = sha256_of(fasta)
    digest = hashlib.sha256()
    for record in read_database(fasta.with_suffix("")):
        digest.update(fasta_entry(*record))
    if digest.hexdigest() != expected:
        raise ReferenceDataError(
            "the BLAST database does not hold the ids and sequences it was made of",
            where=fasta.with_suffix(""),
            hint="look for a full disk, or try another version of BLAST+",
        )
    return expected


def read_database(prefix: Path) -> Iterator[tuple[str, str]]:
    """Id and sequence of every record of a database, in its order.

    Raises:
        ProgramError: blastdbcmd is missing or cannot read the database.
    """
    command: list[str | Path] = [find_program("blastdbcmd"), "-db", prefix.name, "-entry", "all", "-outfmt", "%t %s"]
    with closing(stream_program(command, timeout=math.inf, folder=prefix.parent)) as pieces:
        rest = b""
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                id_, _, sequence = line.decode("utf-8", "replace").rpartition(" ")
                yield id_, sequence
