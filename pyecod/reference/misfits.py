"""What did not fit while a reference was built: left out and listed, or kept and remarked on."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from pyecod.errors import ReferenceDataError
from pyecod.targets import tsv_cell

REJECTED = "rejected.tsv"
_HEADER = "where\tid\treason\tdetail\n"


class Misfit(StrEnum):
    """Why a line or a sequence is left out of the reference; ``--strict`` stops at the first one."""

    BAD_LINE = "bad_line"
    BAD_ID = "bad_id"
    DUPLICATE_ID = "duplicate_id"
    BAD_GROUP = "bad_group"
    BAD_RANGE = "bad_range"
    BAD_SEQUENCE = "bad_sequence"
    DUPLICATE_SEQUENCE = "duplicate_sequence"
    UNKNOWN_TITLE = "unknown_title"
    NO_LIST_LINE = "no_list_line"
    NO_LENGTH = "no_length"
    LENGTH_DIFFERS = "length_differs"
    BEYOND_CHAIN = "beyond_chain"
    SEQUENCE_DIFFERS = "sequence_differs"


class Remark(StrEnum):
    """What is worth knowing although it is no contradiction.

    A domain without range in SEQRES numbering (``no_seqid_range``, ``several_chains``) is searched and classified
    by, but no chain hit is cut by it. A domain without sequence is not in the domain database. A chain without such
    a domain is not in the chain database. A profile that is unknown or of another length belongs to another version.
    """

    NO_SEQID_RANGE = "no_seqid_range"
    SEVERAL_CHAINS = "several_chains"
    NO_GROUP = "no_group"
    NO_SEQUENCE = "no_sequence"
    CHAIN_WITHOUT_DOMAINS = "chain_without_domains"
    CHAIN_WITHOUT_SEQUENCE = "chain_without_sequence"
    NAMES_DIFFER = "names_differ"
    OTHER_VERSION = "other_version"
    PROFILE_UNKNOWN = "profile_unknown"
    PROFILE_LENGTH_DIFFERS = "profile_length_differs"


class BuildLog:
    """Lists what was met in ``rejected.tsv`` and ``noted.tsv`` of a folder, and counts it by reason.

    ``first`` gives where the first of each reason was met.
    """

    def __init__(self, folder: Path, *, strict: bool = False) -> None:
        self.rejected: Counter[Misfit] = Counter()
        self.remarks: Counter[Remark] = Counter()
        self.first: dict[Misfit | Remark, str] = {}
        self._strict = strict
        with ExitStack() as files:
            self._rejected_file = files.enter_context((folder / REJECTED).open("w", encoding="utf-8"))
            self._noted_file = files.enter_context((folder / "noted.tsv").open("w", encoding="utf-8"))
            self._rejected_file.write(_HEADER)
            self._noted_file.write(_HEADER)
            self._files = files.pop_all()

    def reject(self, reason: Misfit, where: str | Path, name: str, detail: str) -> None:
        """Record that ``name`` (a domain, a sequence, a line) found at ``where`` (``file:line``) is left out.

        Raises:
            ReferenceDataError: the build is strict.
        """
        if self._strict:
            raise ReferenceDataError(
                f"{name}: {detail} ({reason.value})" if name else f"{detail} ({reason.value})",
                where=where,
                hint="correct it, or build without --strict to leave such lines out and have them listed",
            )
        self.rejected[reason] += 1
        self.first.setdefault(reason, str(where) or name)
        self._rejected_file.write(_row(where, name, reason, detail))

    def remark(self, reason: Remark, where: str | Path, name: str, detail: str) -> None:
        """Record something worth knowing."""
        self.remarks[reason] += 1
        self.first.setdefault(reason, str(where) or name)
        self._noted_file.write(_row(where, name, reason, detail))

    def flush(self) -> None:
        """Bring both lists to the disk as far as they are."""
        self._rejected_file.flush()
        self._noted_file.flush()

    def __enter__(self) -> BuildLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()


def _row(where: str | Path, name: str, reason: StrEnum, detail: str) -> str:
    cells = (tsv_cell(str(cell)) for cell in (where, name, reason.value, detail))
    return "\t".join(cells) + "\n"
