"""When a reference was last read whole and held against its version record, and what was found.

Damage that keeps a file's size is seen by its checksum only. The lookup is small and checked at each run's start; the
BLAST and HH-suite databases take minutes, so maintenance and ``pyecod reference check`` do it, and leave word here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from pyecod.checks import Finding
from pyecod.files import atomic_write

CHECKED_NAME = "checked.json"
_OLD = 35  # days
_SHARED = ".reference-checks"


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """The last whole check of a reference: its id, when it ended (UTC), and its problems, none of a good one."""

    reference_id: str
    at: datetime
    problems: tuple[str, ...]

    @property
    def age_days(self) -> float:
        """Days since then."""
        return (datetime.now(UTC) - self.at).total_seconds() / 86_400

    @property
    def is_old(self) -> bool:
        """Maintenance, which runs every week, has not come to it for weeks."""
        return self.age_days > _OLD

    def __str__(self) -> str:
        when = f"read whole {self.at:%Y-%m-%d}"
        return f"{when}: {'; '.join(self.problems)}" if self.problems else f"{when}, nothing wrong"


def record_check(
    folder: Path, reference_id: str, findings: Sequence[Finding], base_path: Path | None
) -> ReferenceCheck:
    """Keep what a whole check found: in the reference's folder, where that belongs to others under ``base_path``."""
    problems = tuple(f"{f.check}: {f.detail}" for f in findings if f.state == "problem")
    check = ReferenceCheck(reference_id, datetime.now(UTC).replace(microsecond=0), problems)
    data = orjson.dumps({"reference_id": reference_id, "at": check.at.isoformat(), "problems": problems})
    for path in _places(folder, base_path):
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            atomic_write(path, data + b"\n")
            break
    return check


def last_check(folder: Path, reference_id: str, base_path: Path | None) -> ReferenceCheck | None:
    """The newest check of this very reference, None where none is known."""
    checks = [check for path in _places(folder, base_path) if (check := _read(path)) is not None]
    return max((c for c in checks if c.reference_id == reference_id), key=lambda c: c.at, default=None)


def _places(folder: Path, base_path: Path | None) -> list[Path]:
    places = [folder / CHECKED_NAME]
    if base_path is not None and base_path.is_dir():
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        places.append(base_path / _SHARED / f"{name}.json")
    return places


def _read(path: Path) -> ReferenceCheck | None:
    try:
        plain = orjson.loads(path.read_bytes())
        at = datetime.fromisoformat(plain["at"])
        problems = tuple(str(problem) for problem in plain["problems"])
        return ReferenceCheck(str(plain["reference_id"]), at if at.tzinfo else at.replace(tzinfo=UTC), problems)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # as good as none: the next check writes it anew
