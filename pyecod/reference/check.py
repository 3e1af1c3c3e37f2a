"""Is a reference whole? Everything it holds is read and held against its version record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from pyecod.checks import Finding
from pyecod.errors import PyecodError, ReferenceDataError, describe
from pyecod.reference.blast import fasta_entry, read_database
from pyecod.reference.checked import ReferenceCheck, record_check
from pyecod.reference.groups import LEVELS, GroupTable
from pyecod.reference.lookup import Lookup
from pyecod.reference.profiles import profiles_digest, read_profiles
from pyecod.reference.record import ReferenceRecord, SequenceDatabase, must_be_unchanged, must_be_whole
from pyecod.reference.reference import LOOKUP, Reference

_REBUILD = "build the reference again"
_AT_ONCE = 100_000  # ids looked up together
_BY_ROW = frozenset({"length", "x", "h", "t", "f", "chain", "representative"})


def check_reference(path: Path) -> list[Finding]:
    """Findings of a full check of the reference in folder ``path``; it is good if none is a problem.

    Checksums of all files, the BLAST databases as their programs read them, every row of the lookup, and the index
    and entries of the HH-suite database. Takes about a minute for a million domains.
    """
    return list(examine_reference(path))


def check_and_record(path: Path, base_path: Path | None = None) -> tuple[list[Finding], ReferenceCheck | None]:
    """:func:`check_reference`, and word of it left for :func:`pyecod.reference.checked.last_check`; None where there is
    no reference to leave it with."""
    folder = path.expanduser().absolute()
    findings = check_reference(folder)
    try:
        record = ReferenceRecord.read(folder)
    except ReferenceDataError:
        return findings, None
    return findings, record_check(folder, record.id, findings, base_path)


def examine_reference(path: Path) -> Iterator[Finding]:
    """The findings of :func:`check_reference` one by one, as they come."""
    try:
        folder = path.expanduser().absolute()
        record = ReferenceRecord.read(folder)
        yield Finding("version record", "ok", f"{record.id}, made {record.created:%Y-%m-%d} by {record.made_by}")
        yield _finding("files", lambda: _check_files(record, folder))
        reference = Reference.open(folder)
    except PyecodError as error:
        yield _problem("reference", error)
        return
    yield _finding("lookup", lambda: _check_lookup(folder))
    yield _finding(
        "domain database", lambda: _check_database(reference, reference.domain_db, record.domain_db, "domain")
    )
    if record.chain_db is not None and reference.chain_db is not None:
        chain_db, prefix = record.chain_db, reference.chain_db
        yield _finding("chain database", lambda: _check_database(reference, prefix, chain_db, "chain"))
    else:
        yield Finding("chain database", "note", "none: no chain hits", "build the reference with --chain-fasta")
    if record.hh_db is not None:
        yield _finding("profiles", lambda: _check_profiles(reference))
    else:
        yield Finding("profiles", "note", "none: no profile search", "build the reference with --hh-db")


def _finding(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, "ok", look())
    except PyecodError as error:
        return _problem(check, error)
    except (OSError, ValueError, LookupError) as error:  # what reading damaged arrays and text ends in
        return Finding(check, "problem", describe(error), _REBUILD)


def _problem(check: str, error: PyecodError) -> Finding:
    return Finding(
        check, "problem", f"{error.where}: {error.what}" if error.where else error.what, error.hint or _REBUILD
    )


def _check_files(record: ReferenceRecord, folder: Path) -> str:
    stamps = list(record.stamps(folder))
    must_be_whole(stamps)
    must_be_unchanged(stamps)
    return f"{len(stamps)} files, {sum(stamp.size for _, stamp in stamps) / 1e6:,.1f} MB, checksums agree"


def _check_lookup(folder: Path) -> str:
    lookup = Lookup.open(folder / LOOKUP)
    for what, is_true in _lookup_rules(lookup):
        if not is_true:
            raise ReferenceDataError(f"the lookup contradicts itself: {what}", where=folder / LOOKUP, hint=_REBUILD)
    reference = Reference.open(folder)
    for row in range(len(reference)):
        reference.domain_at(row)
    return f"{len(lookup.domain_ids):,} domains, {len(lookup.chain_keys):,} chains, every row read"


def _lookup_rules(lookup: Lookup) -> Iterator[tuple[str, bool]]:
    """What must hold between the arrays; each rule may rely on those before it."""
    domains, chains = lookup.domains, lookup.chains
    for name, table, arrays in (("domains", lookup.domain_ids, domains), ("chains", lookup.chain_keys, chains)):
        yield f"ids of {name} out of order", bool(np.all(table.ids[:-1] < table.ids[1:]))
        for some in np.array_split(np.arange(len(table)), len(table) // _AT_ONCE + 1):
            found = table.rows([id_.decode("ascii") for id_ in table.ids[some].tolist()])
            yield f"ids of {name} not found where they are", bool(np.array_equal(found, some))
        by_row = [field.name for field in fields(arrays) if field.name in _BY_ROW]
        yield f"columns of {name} of other lengths", all(len(getattr(arrays, f)) == len(table) for f in by_row)
    for name, ends, rows, values in (
        ("segments", domains.segment_ends, len(lookup.domain_ids), len(domains.segments)),
        ("texts", domains.text_ends, len(lookup.domain_ids), len(domains.text)),
        ("chains' domains", chains.row_ends, len(lookup.chain_keys), len(chains.rows)),
    ):
        yield f"{name} not one after the other", len(ends) == rows + 1 and ends[0] == 0 and ends[-1] == values
        yield f"{name} overlap", bool(np.all(ends[1:] >= ends[:-1]))
    first, last = domains.segments[:, 0], domains.segments[:, 1]
    owner = np.repeat(np.arange(len(lookup.domain_ids)), np.diff(domains.segment_ends))
    yield "segments that run backwards", bool(np.all((first >= 1) & (last >= first)))
    yield "segments of one domain out of order", bool(np.all((owner[1:] != owner[:-1]) | (first[1:] > last[:-1] + 1)))
    size = np.bincount(owner, weights=last - first + 1, minlength=len(lookup.domain_ids)).astype(np.int64)
    yield "lengths other than those of the ranges", bool(np.all((domains.length == size) | (size == 0)))
    yield "domains without length", bool(np.all(domains.length >= 1))
    yield "domains of unknown chains", bool(np.all((domains.chain >= -1) & (domains.chain < len(lookup.chain_keys))))
    ids = GroupTable.read(lookup.groups_path).ids
    for level in LEVELS:
        codes = getattr(domains, level)
        yield f"unknown {level.upper()}-groups", bool(np.all((codes >= -1) & (codes < len(ids[level]))))
    ranged = np.flatnonzero((size > 0) & (domains.chain >= 0))
    yield "chains that lack domains", bool(np.array_equal(np.sort(chains.rows), ranged))
    listed_under = np.repeat(np.arange(len(lookup.chain_keys)), np.diff(chains.row_ends))
    yield "chains with domains of others", bool(np.array_equal(domains.chain[chains.rows], listed_under))
    ends = last[domains.segment_ends[1:][chains.rows] - 1]
    length = chains.length[listed_under]
    yield "domains beyond the end of their chain", bool(np.all((length < 0) | (ends <= length)))


def _check_database(reference: Reference, prefix: Path, database: SequenceDatabase, kind: str) -> str:
    """Ids and sequences are those of the build, and the lookup knows every id with the same length."""
    digest = hashlib.sha256()
    ids: list[str] = []
    lengths: list[int] = []
    for id_, sequence in read_database(prefix):
        digest.update(fasta_entry(id_, sequence))
        ids.append(id_)
        lengths.append(len(sequence))
    if len(ids) != database.sequences:
        what = f"the BLAST database has {len(ids):,} sequences, the version record {database.sequences:,}"
        raise ReferenceDataError(what, where=prefix, hint=_REBUILD)
    if digest.hexdigest() != database.id:
        raise ReferenceDataError("the BLAST database holds other ids or sequences", where=prefix, hint=_REBUILD)
    if kind == "domain":
        rows = reference.rows(ids)
        known = reference.length[rows]
    else:
        rows = reference.chains(ids)
        known = np.array([reference.chain_length(id_) or -1 for id_ in ids])
    for place in np.flatnonzero((rows < 0) | (known != lengths))[:1]:
        what = f"{kind} {ids[place]!r} of the BLAST database is not in the lookup with its length"
        raise ReferenceDataError(what, where=prefix, hint=_REBUILD)
    return f"{len(ids):,} sequences, {sum(lengths):,} residues, all of them known"


def _check_profiles(reference: Reference) -> str:
    prefix, record = reference.hh_db, reference.record.hh_db
    assert prefix is not None
    assert record is not None
    entries = list(read_profiles(prefix))
    known = int((reference.rows([entry.domain_id for entry in entries]) >= 0).sum())
    if (len(entries), known) != (record.entries, record.known_entries):
        raise ReferenceDataError(
            f"{len(entries):,} entries, {known:,} of them known, instead of {record.entries:,} and "
            f"{record.known_entries:,}",
            where=prefix,
            hint=_REBUILD,
        )
    if profiles_digest({suffix: stamp.sha256 for suffix, stamp in record.files.items()}) != record.id:
        raise ReferenceDataError("its id is not that of its files", where=prefix, hint=_REBUILD)
    return f"{len(entries):,} entries, {known:,} of them known"
