"""Where an entry's mmCIF file lies in a mirror of the PDB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pyecod.errors import BrokenInputError, UsageError
from pyecod.ids import extended_pdb_id, parse_pdb_id

# what stands behind the id in names of the PDB's archives (beta, NextGen) and of PDBe's updated files
_VARIANTS = ("", "_xyz", "_updated", "_xyz-enrich")
_MMCIF = re.compile(r"(?P<stem>[^.]+)\.(?:cif|mmcif)(?P<gz>\.gz)?")
_MOST_NAMED = 5
# where the files lie in a copy of wwPDB's archive, from its top folder down
_ARCHIVE = ("mmCIF", "divided/mmCIF", "structures/divided/mmCIF", "data/structures/divided/mmCIF")


def find_entry(mirror: Path, pdb_id: str) -> Path:
    """Path of an entry's mmCIF file, plain or ``.gz``.

    Looked for are, under the classic and the extended name of the entry: the divided layout (``ab/1abc.cif.gz``),
    wwPDB's archive by extended ids (``ab/pdb_00001abc/structures/pdb_00001abc.cif.gz``), and one flat folder. The
    two letters are the third and second from the end of the id in all of them (wwPDB, PDB Beta Archive, 2026):
    ``pdb_1abc5678`` lies under ``67``. Where none of these is there, the same folders are looked through for other
    spellings: other case (``1ABC.cif``), ``.mmcif``, and the archives' endings (``pdb_00001abc_xyz-enrich.cif.gz``).

    The mirror may also be a folder above these in a copy of wwPDB's archive (``…/structures/divided/mmCIF``).

    Raises:
        IdError: ``pdb_id`` is not a PDB id.
        UsageError: the mirror is not a folder.
        BrokenInputError: the entry is not there (names where it was looked for, and files with its id), or the mirror
            cannot be read.
    """
    canonical = parse_pdb_id(pdb_id)
    try:
        if not mirror.is_dir():
            raise UsageError(
                "the mirror is not a folder", where=mirror, hint="set mirror (--mirror) to the folder of mmCIF files"
            )
        mirror = next((mirror / below for below in _ARCHIVE if (mirror / below).is_dir()), mirror)
        for path in _candidates(mirror, canonical):
            if path.is_file():
                return path
        others = _others(mirror, canonical)
    except OSError as error:
        raise BrokenInputError(
            f"cannot read the mirror: {error.strerror}", where=mirror, hint="check its permissions and mount"
        ) from error
    ranked = sorted((rank, path) for path in others if (rank := _rank(path.name, canonical)) is not None)
    if ranked:
        return ranked[0][1]
    looked = ", ".join(str(path.relative_to(mirror)) for path in _candidates(mirror, canonical))
    there = ", ".join(str(path.relative_to(mirror)) for path in sorted(others)[:_MOST_NAMED])
    hint = f"there is {there}, which is not named like an mmCIF file of the entry" if there else None
    raise BrokenInputError(f"no mmCIF file of {canonical}; looked for {looked}", where=mirror, hint=hint)


def _candidates(mirror: Path, pdb_id: str) -> Iterator[Path]:
    extended = extended_pdb_id(pdb_id)
    divided = mirror / pdb_id[-3:-1]
    names = dict.fromkeys((pdb_id, extended))
    folders = [(divided, names), (divided / extended / "structures", [extended]), (divided / extended, [extended])]
    for folder, stems in [*folders, (mirror, names)]:
        for stem in stems:
            yield folder / f"{stem}.cif.gz"
            yield folder / f"{stem}.cif"


def _others(mirror: Path, pdb_id: str) -> list[Path]:
    """Files of the folders an entry may be in whose names hold its id, in whichever case."""
    extended = extended_pdb_id(pdb_id)
    folders = [mirror]
    for letters in dict.fromkeys((pdb_id[-3:-1], pdb_id[-3:-1].upper())):
        of_entry = mirror / letters / extended
        folders += [mirror / letters, of_entry, of_entry / "structures"]
    found: dict[tuple[int, int], Path] = {}  # a file system may take no case for a difference
    for folder in folders:
        try:
            paths = [path for path in folder.iterdir() if pdb_id in path.name.lower() and path.is_file()]
        except (FileNotFoundError, NotADirectoryError):
            continue
        for path in paths:
            about = path.stat()
            found.setdefault((about.st_dev, about.st_ino), path)
    return list(found.values())


def _rank(name: str, pdb_id: str) -> tuple[int, int] | None:
    """How well a name says that the file is the entry's mmCIF file, the smaller the better; None where it does not."""
    match = _MMCIF.fullmatch(name.lower())
    if match is None:
        return None
    for stem in (pdb_id, extended_pdb_id(pdb_id)):
        variant = match["stem"].removeprefix(stem)
        if match["stem"].startswith(stem) and variant in _VARIANTS:
            return _VARIANTS.index(variant), 0 if match["gz"] else 1
    return None
