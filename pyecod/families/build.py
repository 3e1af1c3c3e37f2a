"""Make a clustering: with MMseqs2 or CD-HIT, from a file of another program, or of identical sequences only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pyecod.batch.header import utc_now
from pyecod.errors import BrokenInputError, BrokenOutputError, IdError, MissingProgramError, UsageError
from pyecod.families.model import Cluster, Clustering, Sequences
from pyecod.fasta import write_fasta
from pyecod.files import open_text
from pyecod.ids import ChainKey
from pyecod.node.program import find_program, run_program, stream_program
from pyecod.node.scratch import scratch_folder
from pyecod.settings import ScratchSettings

_HINTS = {"mmseqs": "Debian: apt-get install mmseqs2", "cd-hit": "Debian: apt-get install cd-hit"}
_TIMEOUT = 24 * 3600.0  # seconds; a year's sequences take minutes
_WORDS = ((0.7, 5), (0.6, 4), (0.5, 3), (0.4, 2))  # identity and word size, from CD-HIT's manual
_MEMBER = re.compile(r"[0-9]+\t[0-9]+(?:aa|nt), >(\S+?)\.\.\. (\*|at .+)")


def cluster_sequences(
    sequences: Sequences,
    name: str,
    *,
    method: str = "mmseqs2",
    min_identity: float = 0.7,
    min_coverage: float = 0.8,
    cores: int = 1,
    scratch: ScratchSettings | None = None,
) -> Clustering:
    """Cluster sequences; ``method`` is ``mmseqs2``, ``cd-hit`` or ``identical`` (each sequence by itself).

    Coverage is asked of both sequences of a pair. Which sequence represents a cluster is the program's choice.

    Raises:
        MissingProgramError, ProgramError: the program is not installed or fails.
        UsageError: an unknown method, or thresholds the program cannot work with.
    """
    if method == "identical":
        pairs: Iterable[tuple[str, str]] = [(md5, md5) for md5 in sequences.residues]
        return _clustering(sequences, name, pairs, method=method)
    if method not in ("mmseqs2", "cd-hit"):
        raise UsageError(f"{method!r} is not a method of clustering", hint="mmseqs2, cd-hit or identical")
    if not 0.4 <= min_identity <= 1 or not 0 < min_coverage <= 1:
        raise UsageError("identity must be 0.4 to 1, coverage above 0 and up to 1", hint="the field uses 0.7 and 0.8")
    run = _run_mmseqs if method == "mmseqs2" else _run_cd_hit
    with scratch_folder(scratch or ScratchSettings()) as folder:
        fasta = folder / "sequences.fasta"
        write_fasta(fasta, sequences.residues.items())
        version, pairs = run(fasta, folder, min_identity, min_coverage, cores)
    return _clustering(
        sequences,
        name,
        pairs,
        method=method,
        method_version=version,
        min_identity=min_identity,
        min_coverage=min_coverage,
    )


def read_clusters(path: Path, sequences: Sequences, name: str) -> Clustering:
    """A clustering of another program: CD-HIT's ``.clstr``, or two columns (representative, member) of chain keys.

    Chains that are in none of the batches are passed over; sequences the file does not name stand by themselves, and
    so do members whose representative is not there.

    Raises:
        BrokenInputError: the file cannot be read or a line is neither; file and line are named.
    """
    try:
        with open_text(path) as stream:
            lines = stream.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenInputError(f"cannot read the clusters: {error}", where=path) from None
    is_clstr = any(line.startswith(">Cluster") for line in lines[:5])
    md5_of = {key: md5 for md5, chains in sequences.chains.items() for key, _ in chains}
    named = parse_clstr(lines, path) if is_clstr else _parse_columns(lines, path)
    pairs = []
    for representative, member in named:
        one, other = md5_of.get(_key(representative, path)), md5_of.get(_key(member, path))
        if one is not None and other is not None:
            pairs.append((one, other))
    return _clustering(sequences, name, pairs, method="file", source=str(path.absolute()))


def parse_clstr(lines: Iterable[str], where: Path) -> list[tuple[str, str]]:
    """(representative, member) of CD-HIT's ``.clstr``, the representative with itself first.

    Raises:
        BrokenInputError: a line is not of that format, or a cluster has no representative.
    """
    pairs: list[tuple[str, str]] = []
    members: list[str] = []
    lead: str | None = None
    number = 0

    def close() -> None:
        if members and lead is None:
            raise BrokenInputError("a cluster without a representative (*)", where=f"{where}:{number}")
        pairs.extend((lead or "", member) for member in sorted(members, key=lambda member: member != lead))

    for number, line in enumerate(lines, 1):
        if line.startswith(">Cluster"):
            close()
            members, lead = [], None
        elif line.strip():
            match = _MEMBER.fullmatch(line.rstrip())
            if match is None:
                raise BrokenInputError(f"{line[:60]!r} is not a line of a .clstr file", where=f"{where}:{number}")
            members.append(match[1])
            lead = match[1] if match[2] == "*" else lead
    close()
    return pairs


def _parse_columns(lines: Iterable[str], where: Path) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2:
            raise BrokenInputError("not two columns: representative, member", where=f"{where}:{number}")
        pairs.append((words[0], words[1]))
    return pairs


def _key(text: str, where: Path) -> ChainKey:
    try:
        return ChainKey.parse(text)
    except IdError as error:
        raise BrokenInputError(error.what, where=where) from None


def _run_mmseqs(
    fasta: Path, folder: Path, identity: float, coverage: float, cores: int
) -> tuple[str, list[tuple[str, str]]]:
    program = _find("mmseqs")
    version = b"".join(stream_program([program, "version"], timeout=60)).decode().strip()
    thresholds = ("--min-seq-id", f"{identity:g}", "-c", f"{coverage:g}", "--cov-mode", "0")
    command: list[str | Path] = [
        program,
        "easy-cluster",
        fasta,
        folder / "out",
        folder / "tmp",
        *thresholds,
        "--threads",
        str(cores),
    ]
    run_program([*command, "-v", "1"], timeout=_TIMEOUT, folder=folder)
    return version, _pairs_of(folder / "out_cluster.tsv", "mmseqs")


def _pairs_of(path: Path, program: str) -> list[tuple[str, str]]:
    try:
        return _parse_columns(path.read_text(encoding="ascii").splitlines(), path)
    except (OSError, UnicodeDecodeError, BrokenInputError) as error:
        raise BrokenOutputError(f"{program} ended without its list of clusters: {error}") from None


def _run_cd_hit(
    fasta: Path, folder: Path, identity: float, coverage: float, cores: int
) -> tuple[str, list[tuple[str, str]]]:
    program = _find("cd-hit")
    word = next(size for least, size in _WORDS if identity >= least)
    thresholds = ("-c", f"{identity:g}", "-n", str(word), "-aL", f"{coverage:g}", "-aS", f"{coverage:g}", "-g", "1")
    command: list[str | Path] = [
        program,
        "-i",
        fasta,
        "-o",
        folder / "out",
        *thresholds,
        "-d",
        "0",
        "-M",
        "0",
        "-T",
        str(cores),
    ]
    version = ""
    for piece in stream_program(command, timeout=_TIMEOUT, folder=folder):
        found = re.search(rb"Program: CD-HIT, V(\S+?),", piece)
        version = found[1].decode() if found else version
    try:
        lines = (folder / "out.clstr").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenOutputError(f"cd-hit ended without its list of clusters: {error}") from None
    return version, parse_clstr(lines, folder / "out.clstr")


def _find(program: str) -> Path:
    try:
        return find_program(program)
    except MissingProgramError as error:
        raise MissingProgramError(error.what, hint=f"{_HINTS[program]}; or --method identical") from None


def _clustering(
    sequences: Sequences, name: str, pairs: Iterable[tuple[str, str]], *, method: str, **more: object
) -> Clustering:
    """Clusters of pairs (representative, member); every sequence is in one cluster, whatever the pairs say."""
    leads: dict[str, list[str]] = {}
    placed: dict[str, str] = {}
    for lead, member in pairs:
        if member not in placed and (lead == member or placed.get(lead) == lead or lead not in placed):
            leads.setdefault(lead, [])
            placed[lead] = lead
            if member != lead:
                leads[lead].append(member)
                placed[member] = lead
    for md5 in sequences.residues:
        if md5 not in placed:
            leads[md5] = []
    order = {md5: number for number, md5 in enumerate(sequences.residues)}
    clusters = tuple(
        Cluster(
            number,
            sequences.sequence(lead),
            tuple(sequences.sequence(member) for member in sorted(leads[lead], key=order.__getitem__)),
        )
        for number, lead in enumerate(sorted(leads, key=order.__getitem__), 1)
    )
    values = {"batches": tuple(sequences.batches), "created": utc_now(), **more}
    return Clustering(name=name, method=method, clusters=clusters, **values)  # type: ignore[arg-type]
