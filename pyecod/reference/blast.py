"""BLAST databases of a reference: made and read back with the programs of BLAST+.

The title of every sequence is its id and nothing else, and ids are not parsed (no ``-parse_seqids``), so that their
case survives: the id of a hit is the first word of ``Hit_def``.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyecod.errors import ProgramError, ReferenceDataError
from pyecod.files import sha256_of

_INSTALL = "install BLAST+ (Debian: apt install ncbi-blast+; conda: bioconda::blast)"


def makeblastdb_version() -> str:
    """Version of the installed makeblastdb, for example ``2.12.0+``.

    Raises:
        ProgramError: it is not installed.
    """
    return _run(["makeblastdb", "-version"], Path.cwd()).split("\n", 1)[0].rpartition(" ")[2]


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
    command = ["makeblastdb", "-in", fasta.name, "-out", fasta.stem, "-title", title]
    _run([*command, "-dbtype", "prot", "-blastdb_version", "4"], fasta.parent)
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
    command = ["blastdbcmd", "-db", prefix.name, "-entry", "all", "-outfmt", "%t %s"]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        try:
            process = subprocess.Popen(
                command, cwd=prefix.parent, stdout=subprocess.PIPE, stderr=complaints, encoding="ascii"
            )
        except FileNotFoundError:
            raise ProgramError("blastdbcmd is not installed", hint=_INSTALL) from None
        assert process.stdout is not None
        try:
            for line in process.stdout:
                id_, _, sequence = line.rstrip("\n").rpartition(" ")
                yield id_, sequence
            process.wait()
        finally:  # a reader that stops early leaves no program behind
            process.kill()
            process.stdout.close()
            process.wait()
        if process.returncode != 0:
            complaints.seek(0)
            raise ProgramError(f"blastdbcmd failed: {_last_line(complaints.read())}", where=prefix)


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False)
    except FileNotFoundError:
        raise ProgramError(f"{command[0]} is not installed", hint=_INSTALL) from None
    if done.returncode != 0:
        raise ProgramError(f"{command[0]} failed: {_last_line(done.stderr or done.stdout)}", where=folder)
    return done.stdout


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it gave no message"
