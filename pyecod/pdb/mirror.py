"""Where an entry's mmCIF file lies in a mirror of the PDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pyecod.errors import BrokenInputError, UsageError
from pyecod.ids import extended_pdb_id, parse_pdb_id


def find_entry(mirror: Path, pdb_id: str) -> Path:
    """Path of an entry's ``.cif.gz`` or ``.cif`` file.

    Looked for are, under the classic and the extended name of the entry: the divided layout (``ab/1abc.cif.gz``),
    wwPDB's archive by extended ids (``ab/pdb_00001abc/structures/pdb_00001abc.cif.gz``), and one flat folder. The
    two letters are the third and second from the end of the id in all of them (wwPDB, PDB Beta Archive, 2026):
    ``pdb_1abc5678`` lies under ``67``.

    Raises:
        IdError: ``pdb_id`` is not a PDB id.
        UsageError: the mirror is not a folder.
        BrokenInputError: the entry is not there (names where it was looked for), or the mirror cannot be read.
    """
    canonical = parse_pdb_id(pdb_id)
    try:
        if not mirror.is_dir():
            raise UsageError(
                "the mirror is not a folder", where=mirror, hint="set mirror (--mirror) to the folder of mmCIF files"
            )
        for path in _candidates(mirror, canonical):
            if path.is_file():
                return path
    except OSError as error:
        raise BrokenInputError(
            f"cannot read the mirror: {error.strerror}", where=mirror, hint="check its permissions and mount"
        ) from error
    looked = ", ".join(str(path.relative_to(mirror)) for path in _candidates(mirror, canonical))
    raise BrokenInputError(f"no mmCIF file of {canonical}; looked for {looked}", where=mirror)


def _candidates(mirror: Path, pdb_id: str) -> Iterator[Path]:
    extended = extended_pdb_id(pdb_id)
    divided = mirror / pdb_id[-3:-1]
    names = dict.fromkeys((pdb_id, extended))
    folders = [(divided, names), (divided / extended / "structures", [extended]), (divided / extended, [extended])]
    for folder, stems in [*folders, (mirror, names)]:
        for stem in stems:
            yield folder / f"{stem}.cif.gz"
            yield folder / f"{stem}.cif"
