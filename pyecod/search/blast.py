"""BLAST of many sequences against the reference: one process for all of them, one bad sequence fails alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from pyecod.errors import BrokenOutputError, ProgramError, ReferenceDataError
from pyecod.fasta import write_fasta
from pyecod.node.program import (
    ProgramStoppedError,
    ProgramTimeoutError,
    find_program,
    program_version,
    stream_program,
)
from pyecod.node.scratch import scratch_folder
from pyecod.node.staging import staged
from pyecod.search.blast_xml import parse_blast_xml
from pyecod.search.cache import SearchCache
from pyecod.search.databases import SearchDatabases, database_of, key_maker
from pyecod.search.hit import EvidenceType, Query
from pyecod.search.outcome import Finished, SearchOutcome, longest_first, outcome_of
from pyecod.settings import Settings

log = logging.getLogger(__name__)


def search_blast(
    queries: Sequence[Query], reference: SearchDatabases, cache: SearchCache, settings: Settings
) -> list[SearchOutcome]:
    """BLAST sequences against the reference's domains and, where it has them, its chains; results go to the cache.

    What the cache has is not searched. The rest goes through one ``blastp`` per database whose output is parsed
    as it is printed and never touches the disk; a result counts, and is kept, once its part of the output is
    whole. When a process fails, those without a result are searched again in halves until the sequence at fault
    fails alone. All processes for one database together take at most twice ``search.blast_timeout``.

    Returns one outcome per query, in their order.

    Raises:
        MissingProgramError: blastp is not installed.
        ReferenceDataError: a database cannot be read.
        NodeDiskError: the scratch disk of this node is full. OSError: the disk of the cache is.
    """
    kinds = [EvidenceType.DOMAIN_BLAST]
    if reference.chain_db is not None:
        kinds.append(EvidenceType.CHAIN_BLAST)
    unique = longest_first(queries)
    finished = {kind: _BlastSearch(kind, reference, cache, settings).run(unique) for kind in kinds}
    return [
        outcome_of(
            query,
            {kind: finished[kind][query.md5] for kind in kinds},
            decides=EvidenceType.DOMAIN_BLAST,
            hhsearch_below=settings.search.hhsearch_below,
        )
        for query in queries
    ]


class _BlastSearch:
    """Sequences against one database."""

    def __init__(self, kind: EvidenceType, reference: SearchDatabases, cache: SearchCache, settings: Settings) -> None:
        self.kind, self.cache, self.settings = kind, cache, settings
        self.database, self.database_id = database_of(kind, reference)
        self.key = key_maker(kind, reference, settings)
        self.finished: dict[str, Finished] = {}

    def run(self, unique: Sequence[Query]) -> dict[str, Finished]:
        """How each sequence ended, by MD5."""
        missing = []
        for query in unique:
            header = self.cache.header(self.key(query))
            if header is None:
                missing.append(query)
            else:
                self.finished[query.md5] = Finished(header, cached=True)
        if missing:
            self.database = staged(self.database, self.database_id, self.settings.scratch)
            self._search(missing)
        return self.finished

    def _search(self, missing: list[Query]) -> None:
        limit = self.settings.search.blast_timeout
        deadline = time.monotonic() + 2 * limit
        pieces = [(missing, limit)]
        while pieces:
            piece, limit = pieces.pop()
            left = deadline - time.monotonic()
            if left <= 0:
                self._fail(piece, ProgramTimeoutError("there was no time left for this sequence"))
                continue
            failure = self._run(piece, min(limit, left))
            rest = [query for query in piece if query.md5 not in self.finished]
            if failure is None or not rest:
                continue
            log.warning("blastp failed with %d of %d sequences left: %s", len(rest), len(piece), failure)
            if len(rest) < len(piece):
                pieces.append((rest, limit))  # it got further: the sequence at fault is among the first of the rest
            elif len(rest) == 1:
                self._fail(rest, failure)
            else:
                middle = len(rest) // 2
                pieces += [(rest[middle:], limit / 2), (rest[:middle], limit / 2)]

    def _fail(self, queries: Sequence[Query], error: ProgramError) -> None:
        for query in queries:
            self.finished[query.md5] = Finished.failed(self.kind, error)

    def _run(self, piece: Sequence[Query], limit: float) -> ProgramError | None:
        """One process; keeps every result that comes out whole, and returns why it failed, if it did."""
        waiting = {query.md5: query for query in piece}
        with scratch_folder(self.settings.scratch) as folder:
            fasta = folder / "queries.fasta"
            write_fasta(fasta, ((query.md5, query.sequence) for query in piece))
            try:
                self._keep_results(self._command(fasta), waiting, limit)
            except ProgramStoppedError:
                raise
            except ProgramError as error:
                if "BLAST Database error" in error.what:
                    raise ReferenceDataError(error.what, where=self.database, hint="`pyecod reference check`") from None
                return error
        if waiting:
            return BrokenOutputError(f"the output ends without {len(waiting)} of {len(piece)} sequences")
        return None

    def _keep_results(self, command: list[str | Path], waiting: dict[str, Query], limit: float) -> None:
        version = program_version("blastp")
        if not self.database.parent.is_dir():
            what = "BLAST Database error: the folder of the database is not there"
            raise ReferenceDataError(what, where=self.database, hint="`pyecod reference check`")
        with closing(stream_program(command, timeout=limit, folder=self.database.parent)) as output:
            before = time.monotonic()
            for report in parse_blast_xml(
                output, self.kind, max_evalue=self.settings.search.evalue, where="blastp output"
            ):
                query = waiting.get(report.query)
                if query is None:
                    raise BrokenOutputError(f"the output has {report.query!r:.50}, which was not asked or came before")
                now = time.monotonic()
                result = report.result(query, database_id=self.database_id, version=version, seconds=now - before)
                header = self.cache.put(self.key(query), result)
                self.finished[query.md5] = Finished(header)
                del waiting[report.query]
                before = now

    def _command(self, fasta: Path) -> list[str | Path]:
        search = self.settings.search
        return [
            find_program("blastp"),
            *("-query", fasta),
            # its bare name, in its folder: blastp takes a space for a list of databases, and writes paths into its XML
            # in an encoding that is not the document's
            *("-db", self.database.name),
            *("-outfmt", "5"),
            *("-evalue", repr(search.evalue)),
            *("-max_target_seqs", str(search.max_hits)),
            *("-num_threads", str(self.settings.program_cores)),  # by database; by query (-mt_mode 1) prints broken XML
        ]
