"""Profile search: hhblits makes a profile of each sequence, hhsearch compares it with the reference's profiles."""

from __future__ import annotations

import logging
import string
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from pyecod.errors import BrokenOutputError, MissingProgramError, ProgramError, ReferenceDataError
from pyecod.fasta import write_fasta
from pyecod.node.program import ProgramStoppedError, find_program, program_version, run_program
from pyecod.node.scratch import check_space, scratch_folder
from pyecod.node.staging import staged
from pyecod.search.alignment import SearchReport
from pyecod.search.cache import SearchCache
from pyecod.search.databases import SearchDatabases, database_of, key_maker, profile_database, profile_key_maker
from pyecod.search.encoding import ResultHeader
from pyecod.search.hhr import read_hhr
from pyecod.search.hit import EvidenceType, Query
from pyecod.search.outcome import Finished, SearchOutcome, longest_first, outcome_of
from pyecod.settings import Settings

log = logging.getLogger(__name__)
_INSERTS = string.ascii_lowercase.encode() + b"."
_GIB = 1 << 30


def search_profiles(
    queries: Sequence[Query], reference: SearchDatabases, cache: SearchCache, settings: Settings
) -> list[SearchOutcome]:
    """Search profiles of sequences against the reference's HH database; results and profiles go to the cache.

    hhblits builds the profile against ``search.profile_db`` (UniRef30), where none is configured against the
    reference's own HH database. A profile does not depend on the reference searched later, so that a new version
    of it needs hhsearch only. ``search.parallel_programs`` processes of one thread run side by side; each
    sequence fails or succeeds alone. Intermediates are removed as soon as the sequence is done.

    Returns one outcome per query, in their order; ``profile_depth`` 1 marks those that found no relatives.

    Raises:
        MissingProgramError: hhblits or hhsearch is not installed.
        ReferenceDataError: there is no HH database, or it cannot be read.
        NodeDiskError: the scratch disk of this node is full. OSError: the disk of the cache is.
    """
    finished = _ProfileSearch(reference, cache, settings).run(longest_first(queries))
    return [
        outcome_of(
            query,
            {EvidenceType.HHSEARCH: finished[query.md5]},
            decides=EvidenceType.HHSEARCH,
            hhsearch_below=None,
        )
        for query in queries
    ]


class _ProfileSearch:
    """Sequences against the HH database of one reference."""

    def __init__(self, reference: SearchDatabases, cache: SearchCache, settings: Settings) -> None:
        self.cache, self.settings = cache, settings
        self.database, self.database_id = database_of(EvidenceType.HHSEARCH, reference)
        self.profile_database, self.profile_database_id = profile_database(reference, settings.search)
        self.key = key_maker(EvidenceType.HHSEARCH, reference, settings)
        self.profile_key = profile_key_maker(reference, settings)
        self.stop = threading.Event()
        # the alignment and the hit list of each process side by side stay within the scratch space
        self.file_limit = int(settings.scratch.max_gib * _GIB / (2 * settings.parallel_programs))

    def run(self, unique: Sequence[Query]) -> dict[str, Finished]:
        """How each sequence ended, by MD5."""
        finished: dict[str, Finished] = {}
        missing = []
        for query in unique:
            header = self.cache.header(self.key(query))
            if header is None:
                missing.append(query)
            else:
                finished[query.md5] = Finished(header, cached=True)
        if missing:
            self._check_databases()
            self._stage()
            finished |= self._side_by_side(missing)
        return finished

    def _check_databases(self) -> None:
        for prefix, kinds in ((self.profile_database, ("cs219", "a3m")), (self.database, ("hhm", "a3m"))):
            parts = [Path(f"{prefix}_{kind}.ffdata") for kind in kinds]
            if not any(part.is_file() for part in parts):
                raise ReferenceDataError(
                    f"the HH-suite database has neither {parts[0].name} nor {parts[1].name}",
                    where=prefix,
                    hint="`pyecod reference check`",
                )

    def _stage(self) -> None:
        scratch = self.settings.scratch
        self.profile_database = staged(self.profile_database, self.profile_database_id, scratch)
        self.database = staged(self.database, self.database_id, scratch)

    def _side_by_side(self, missing: Sequence[Query]) -> dict[str, Finished]:
        """In threads that do not keep a process from ending, as an executor's would: a worker that lost its scheduler
        must not wait hours for its programs."""
        waiting: SimpleQueue[Query] = SimpleQueue()
        ended: SimpleQueue[tuple[str, Finished | BaseException]] = SimpleQueue()
        for query in missing:
            waiting.put(query)
        threads = [
            threading.Thread(target=self._work, args=(waiting, ended), name="profile-search", daemon=True)
            for _ in range(min(self.settings.parallel_programs, len(missing)))
        ]
        for thread in threads:
            thread.start()
        finished: dict[str, Finished] = {}
        try:
            while len(finished) < len(missing):
                with suppress(Empty):  # woken every second, so that a cancelled task's thread notices
                    md5, end = ended.get(timeout=1)
                    if isinstance(end, BaseException):
                        raise end
                    finished[md5] = end
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
        return finished

    def _work(self, waiting: SimpleQueue[Query], ended: SimpleQueue[tuple[str, Finished | BaseException]]) -> None:
        """Search what is waiting, until nothing is or a search was given up."""
        with suppress(Empty):
            while not self.stop.is_set():
                query = waiting.get_nowait()
                try:
                    ended.put((query.md5, self._one(query)))
                except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                    ended.put((query.md5, error))

    def _one(self, query: Query) -> Finished:
        started = time.monotonic()
        with scratch_folder(self.settings.scratch) as folder:
            try:
                return Finished(self._search(query, folder, started))
            except (MissingProgramError, ProgramStoppedError):
                raise
            except ProgramError as error:
                check_space(folder, "HH-suite")
                return Finished.failed(EvidenceType.HHSEARCH, error)

    def _search(self, query: Query, folder: Path, started: float) -> ResultHeader:
        key = self.profile_key(query)
        alignment = self.cache.get_profile(key)
        if alignment is None:
            alignment = self._build_profile(query, folder)
            self.cache.put_profile(key, alignment)
        report = self._compare(query, alignment, folder)
        result = report.result(
            query,
            database_id=self.database_id,
            version=program_version("hhsearch"),
            seconds=time.monotonic() - started,
        )
        return self.cache.put(self.key(query), result)

    def _build_profile(self, query: Query, folder: Path) -> bytes:
        search = self.settings.search
        fasta, alignment = folder / "query.fasta", folder / "profile.a3m"
        write_fasta(fasta, [(query.md5, query.sequence)])
        self._run(
            find_program("hhblits"),
            *("-i", fasta, "-d", self.profile_database),
            *("-oa3m", alignment, "-o", "/dev/null"),
            *("-n", search.hhblits_iterations, "-e", search.hhblits_evalue),
        )
        content = _content(alignment, "hhblits")
        check_profile(content, query)
        return content

    def _compare(self, query: Query, alignment: bytes, folder: Path) -> SearchReport:
        search = self.settings.search
        profile, hits = folder / "profile.a3m", folder / "hits.hhr"
        profile.write_bytes(alignment)
        most = str(search.hhsearch_max_hits)
        self._run(
            find_program("hhsearch"),
            *("-i", profile, "-d", self.database, "-o", hits),
            *("-p", search.probability, "-alt", search.hhsearch_alternatives),
            # -Z and -B bound lines and alignments; -z and -b are least numbers that would defeat -p: one each, so
            # that a list cut off before its first line is not taken for an empty one
            *("-Z", most, "-B", most, "-z", 1, "-b", 1, "-realign_max", most),
        )
        _content(hits, "hhsearch")
        report = read_hhr(hits, min_probability=search.probability)
        if report.query != query.md5:
            raise BrokenOutputError(f"hhsearch output is for {report.query!r:.50}, not {query.md5}")
        if report.found == 0:
            raise BrokenOutputError("the hit table is empty, and hhsearch prints its best template however bad")
        for reason in report.left_out:
            log.warning("sequence %s: %s: left out", query.md5, reason)
        return report

    def _run(self, program: Path, *options: object) -> None:
        common = ("-cpu", 1, "-maxmem", self.settings.search.memory_gib, "-v", 1)
        run_program(
            [program, *map(str, options + common)],
            timeout=self.settings.search.hhsuite_timeout,
            file_limit=self.file_limit,
            stop=self.stop,
        )


def _content(path: Path, program: str) -> bytes:
    content = path.read_bytes() if path.is_file() else b""
    if not content:
        raise BrokenOutputError(f"{program} ended without an error and without output")
    return content


def check_profile(alignment: bytes, query: Query) -> int:
    """Check that an a3m alignment is whole and the query's; the number of its sequences.

    Raises:
        BrokenOutputError: empty, cut off, or its first sequence is not the query.
    """
    sequences: list[list[bytes]] = []
    for line in alignment.splitlines():
        if line.startswith(b">"):
            sequences.append([])
        elif sequences:
            sequences[-1].append(line)
    rows = [b"".join(lines) for lines in sequences]
    if not rows or rows[0] != query.sequence.encode():
        raise BrokenOutputError("the profile's first sequence is not the query", where=f"query {query.md5}")
    for number, row in enumerate(rows, 1):
        columns = len(row.translate(None, _INSERTS))
        if columns != query.length:
            raise BrokenOutputError(
                f"sequence {number} of the profile has {columns} columns, not {query.length}: it is cut off",
                where=f"query {query.md5}",
            )
    return len(rows)
