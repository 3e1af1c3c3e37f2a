"""The HH-suite database of the simulated families: alignments by descent, profiles by HH-suite's own programs."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pyecod.errors import BrokenOutputError, MissingProgramError
from pyecod.files import atomic_write
from pyecod.node.program import run_program
from pyecod.simulate.evolution import Sequence
from pyecod.simulate.lists import ReferenceDomain

_TIMEOUT = 3600.0  # seconds for all profiles of a database
_DEBIAN = Path("/usr/libexec/hhsuite")  # Debian's variants by instruction set; cstranslate is nowhere else
_VARIANTS = ("avx2", "avx", "sse4_1", "ssse3", "sse3")
_CHANGING = re.compile(rb"^(DATE|COM|FILE)( .*)\n", re.MULTILINE)


def a3m(title: str, first: Sequence, others: Iterable[Sequence]) -> str:
    """The true alignment of relatives in A3M: one column per residue of ``first``, insertions in lower case."""
    columns = {int(column): place for place, column in enumerate(first.columns)}
    lines = [f">{title}\n{first.text}\n"]
    for number, other in enumerate(others, 1):
        row, place = [], 0
        for letter, column in zip(other.text, other.columns.tolist(), strict=True):
            at = columns.get(column)
            if at is None:
                row.append(letter.lower())
            else:
                row.append("-" * (at - place) + letter)
                place = at + 1
        lines.append(f">homolog{number}\n{''.join(row)}{'-' * (len(first) - place)}\n")
    return "".join(lines)


def family_alignments(domains: Iterable[ReferenceDomain]) -> dict[str, bytes]:
    """The alignment of each representative's family by its domain id, titled as ECOD's: ``e1abcA1;1.1.1.1``."""
    alignments = {}
    for domain in domains:
        if domain.is_representative:
            family = domain.family
            relatives = (*family.members[1:], *family.homologs)
            title = f"{domain.id};{family.f_group}"
            alignments[domain.id] = a3m(title, family.members[0], relatives).encode()
    return alignments


def write_profiles(prefix: Path, alignments: Mapping[str, bytes]) -> None:
    """Make the six files of an HH-suite database; ``prefix`` has no ``_a3m``, its folder must exist.

    Equal alignments give equal bytes: entries are sorted by name, and dates and paths are taken out of the profiles.

    Raises:
        MissingProgramError: ffindex_apply, hhmake or cstranslate is not installed.
        ProgramError: one of them failed.
    """
    programs = find_programs()
    with tempfile.TemporaryDirectory(dir=prefix.parent, prefix=".hh-") as scratch:
        work = Path(scratch)
        write_ffindex(work / "db_a3m", alignments)
        hhmake: list[str | Path] = [programs["hhmake"], "-i", "stdin", "-o", "stdout", "-v", "0", "-nocontxt"]
        made: list[str | Path] = ["-i", work / "db_hhm.ffindex", "-d", work / "db_hhm.ffdata"]
        source: list[str | Path] = [work / "db_a3m.ffdata", work / "db_a3m.ffindex"]
        run_program([programs["ffindex_apply"], "-q", *source, *made, "--", *hhmake], timeout=_TIMEOUT)
        states: list[str | Path] = [
            "-i",
            work / "db_a3m",
            "-o",
            work / "db_cs219",
            "-I",
            "a3m",
            "-x",
            "0.3",
            "-c",
            "4",
            "-b",
            "-f",
        ]
        run_program([programs["cstranslate"], *states], timeout=_TIMEOUT)
        made_of = {
            "_a3m": dict(alignments),
            "_hhm": {n: _CHANGING.sub(rb"\1   simulated\n", p) for n, p in read_ffindex(work / "db_hhm").items()},
            "_cs219": read_ffindex(work / "db_cs219"),
        }
    for kind, entries in made_of.items():
        missing = sorted(alignments.keys() - entries.keys()) or sorted(n for n, e in entries.items() if not e)
        if missing:
            raise BrokenOutputError(
                f"HH-suite made no {kind.removeprefix('_')} of {len(missing)} alignments, the first is {missing[0]}",
                where=prefix,
            )
        write_ffindex(prefix.with_name(prefix.name + kind), entries)


def write_ffindex(prefix: Path, entries: Mapping[str, bytes]) -> None:
    """Write an ffindex database: entries sorted by name, each ended by a zero byte."""
    names = sorted(entries)
    sizes = [len(entries[name]) + 1 for name in names]
    starts = np.concatenate(([0], np.cumsum(sizes))).tolist()
    index = "".join(f"{name}\t{start}\t{size}\n" for name, start, size in zip(names, starts, sizes, strict=False))
    atomic_write(prefix.with_name(prefix.name + ".ffdata"), b"".join(entries[n] + b"\0" for n in names), durable=False)
    atomic_write(prefix.with_name(prefix.name + ".ffindex"), index, durable=False)


def read_ffindex(prefix: Path) -> dict[str, bytes]:
    """Entries of an ffindex database by name, without their zero byte."""
    data = prefix.with_name(prefix.name + ".ffdata").read_bytes()
    entries = {}
    for line in prefix.with_name(prefix.name + ".ffindex").read_text(encoding="utf-8").splitlines():
        name, start, size = line.split("\t")
        entries[name] = data[int(start) : int(start) + int(size) - 1]
    return entries


def find_programs() -> dict[str, Path]:
    """The programs of HH-suite that make a database: Debian's variants for this processor, else those on the PATH.

    Raises:
        MissingProgramError: one of them is not installed.
    """
    return {name: _find(name) for name in ("ffindex_apply", "hhmake", "cstranslate")}


def _find(name: str) -> Path:
    for variant in _VARIANTS:
        path = _DEBIAN / f"{name}-{variant.replace('_', '.')}"
        if variant in _processor_flags() and os.access(path, os.X_OK):
            return path
    found = shutil.which(name) or shutil.which(_DEBIAN / f"{name}-plain")
    if found is None:
        hint = "Debian: apt-get install hhsuite; conda: conda install -c conda-forge -c bioconda hhsuite"
        raise MissingProgramError(f"the program {name} is not on the PATH", hint=hint)
    return Path(found).absolute()


def _processor_flags() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    return frozenset(next((line for line in text.splitlines() if line.startswith("flags")), "").split())
