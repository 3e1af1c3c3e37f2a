"""Kinds of batches, why repairs are made, and the names of the folders.

The manifest says what a batch is; a name only says where a new batch is made and a week's batch is looked for. A folder
may be called ``ecod_weekly_x``: it is a batch like any other, and of no week by its name.
"""

from __future__ import annotations

import datetime
import re
from enum import StrEnum

_DAY = re.compile(r"[0-9]{8}")


class BatchType(StrEnum):
    """What a batch was made from: a release, chains of other batches, or a FASTA file."""

    WEEKLY = "weekly"
    REPAIR = "repair"
    FASTA = "fasta"

    @property
    def prefix(self) -> str:
        """How the names of such batches begin: ``ecod_weekly_``."""
        return f"ecod_{self.value}_"

    @property
    def pattern(self) -> str:
        """Shell pattern of such names: ``ecod_weekly_*``."""
        return f"{self.prefix}*"


class Reason(StrEnum):
    """Why a repair is made."""

    PDB_MODIFICATIONS = "pdb_modifications"
    ALGORITHM_UPDATE = "algorithm_update"
    ERROR_FIX = "error_fix"
    HIERARCHY_UPDATE = "hierarchy_update"
    USER_REQUEST = "user_request"


def weekly_name(release_date: datetime.date) -> str:
    """Name of a week's batch: ``ecod_weekly_20250905``."""
    return f"{BatchType.WEEKLY.prefix}{release_date:%Y%m%d}"


def repair_name(day: datetime.date, label: str = "") -> str:
    """Name of a repair batch: ``ecod_repair_20250905`` or ``ecod_repair_20250905_label``."""
    return f"{BatchType.REPAIR.prefix}{day:%Y%m%d}" + (f"_{label}" if label else "")


def fasta_name(stem: str) -> str:
    """Name of the batch of a FASTA file called ``stem``: what a folder's name may not have becomes ``_``."""
    words = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in stem)
    return BatchType.FASTA.prefix + words[:80]


def week_of_name(name: str) -> datetime.date | None:
    """The release whose batch has this name; None where :func:`weekly_name` gives it to none."""
    day = name.removeprefix(BatchType.WEEKLY.prefix)
    if day == name or not _DAY.fullmatch(day):
        return None
    try:
        return datetime.date.fromisoformat(day)
    except ValueError:
        return None
