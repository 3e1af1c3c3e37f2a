"""The PDB: weekly releases, mmCIF entries as chains with both numberings, and plain FASTA as the other way in.

Names are loaded when first used, so that ``pyecod.pdb.chain`` costs no gemmi.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pyecod.pdb.chain import CannotClassify, Chain, Entry, ModifiedResidue, Numbering, NumberingRun

if TYPE_CHECKING:
    from pyecod.pdb.entries import load_entry, save_entry
    from pyecod.pdb.fasta_chains import read_fasta_chains
    from pyecod.pdb.mirror import find_entry
    from pyecod.pdb.mmcif import read_entry
    from pyecod.pdb.release import Release, find_releases, parse_date

_MODULES = {
    "Release": "release",
    "find_entry": "mirror",
    "find_releases": "release",
    "load_entry": "entries",
    "parse_date": "release",
    "read_entry": "mmcif",
    "read_fasta_chains": "fasta_chains",
    "save_entry": "entries",
}

__all__ = [
    "CannotClassify",
    "Chain",
    "Entry",
    "ModifiedResidue",
    "Numbering",
    "NumberingRun",
    "Release",
    "find_entry",
    "find_releases",
    "load_entry",
    "parse_date",
    "read_entry",
    "read_fasta_chains",
    "save_entry",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
