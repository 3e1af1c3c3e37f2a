"""Build a reference from ECOD's published files: ``pyecod reference build``."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyecod import __version__
from pyecod.errors import PyecodError, ReferenceDataError, UsageError
from pyecod.files import sha256_of
from pyecod.node.program import program_version
from pyecod.reference.blast import make_database
from pyecod.reference.draft import Draft, resolve_chains
from pyecod.reference.groups import LEVELS, GroupTable, GroupVotes
from pyecod.reference.lists import DomainList
from pyecod.reference.lookup import Lookup, write_lookup
from pyecod.reference.misfits import REJECTED, BuildLog, Misfit, Remark
from pyecod.reference.profiles import copy_profiles, profile_files, profiles_digest, read_profiles
from pyecod.reference.record import (
    FORMAT,
    FileStamp,
    ProfileDatabase,
    ReferenceRecord,
    SequenceDatabase,
    SourceFile,
    SourceKind,
)
from pyecod.reference.reference import LOOKUP
from pyecod.reference.sequences import (
    REPORT_EVERY,
    ChainSequences,
    Progress,
    check_ends,
    check_sequences,
    write_domain_fasta,
)
from pyecod.reference.workspace import new_reference_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_BLAST = "blast"
_PROFILES = "hh"


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build made, and what did not fit.

    ``counts`` are those of the version record. ``rejected`` is listed in ``rejected.tsv``, ``noted`` (kept all the
    same) in ``noted.tsv`` of the reference; ``first`` gives ``file:line`` of the first of each.
    """

    path: Path
    version: str
    id: str
    counts: Mapping[str, int]
    rejected: Mapping[Misfit, int]
    noted: Mapping[Remark, int]
    first: Mapping[Misfit | Remark, str]
    seconds: float


def build_reference(
    out: Path,
    version: str,
    *,
    domains: Sequence[Path],
    domain_fasta: Sequence[Path],
    chain_fasta: Sequence[Path] = (),
    hh_db: Path | None = None,
    copy_hh: bool = False,
    hierarchy: Path | None = None,
    strict: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Make a reference of one ECOD version in folder ``out``, which appears whole or not at all.

    ``domains`` are domain lists (format 1.6 or that of develop294), ``domain_fasta`` the domains' sequences titled
    ``uid|ecod_domain_id|f_id|range`` or by domain id, ``chain_fasta`` whole chains titled by chain key. ``hh_db`` is
    the prefix of an HH-suite database of the domains, referred to where it is unless ``copy_hh``. ``hierarchy`` is a
    table of group names (columns ``hierarchy, architecture, fold_desc, h_desc, t_desc, f_desc``) that go before those
    in the lists. ``strict`` stops at the first thing that does not fit; ``force`` replaces a reference at ``out``.

    A chain is known by the key ``1sua_A``. Where no chain sequence has the key made of a line's ``pdb`` and ``chain``
    but one has ``pdb`` alone (``P00350``), that is the chain's key; a domain without ``pdb`` named ``RECORD_nD1`` is of
    chain ``RECORD``.

    Raises:
        ReferenceDataError: an input is no such file, more than half of the list lines do not fit, or ``out`` is taken.
        BrokenInputError: a FASTA file cannot be read at all.
        ProgramError: makeblastdb or blastdbcmd is missing or failed.
    """
    started = time.monotonic()
    if hh_db is not None:
        hh_db = hh_db.expanduser().absolute()
    inputs = _Inputs(
        version,
        tuple(domains),
        tuple(domain_fasta),
        tuple(chain_fasta),
        hh_db,
        copy_hh,
        hierarchy,
        program_version("makeblastdb"),
    )
    inputs.check()
    out = out.expanduser().absolute()
    try:
        with new_reference_folder(out, force=force) as folder:
            with BuildLog(folder, strict=strict) as log, _rejected_kept(folder, out, log):
                record = _build(folder, inputs, log, progress or _silent)
            record.write(folder)
    except OSError as error:
        what = f"the reference cannot be built: {error.strerror or error}"
        raise ReferenceDataError(what, where=error.filename or out) from error
    seconds = time.monotonic() - started
    return BuildReport(out, version, record.id, record.counts, log.rejected, log.remarks, log.first, seconds)


@contextmanager
def _rejected_kept(folder: Path, out: Path, log: BuildLog) -> Iterator[None]:
    """Where a build ends with an error after lines were rejected, their list stays beside ``out``, and the error names
    it."""
    try:
        yield
    except PyecodError as error:
        if log.rejected:
            kept = out.with_name(f"{out.name}.rejected.tsv")
            log.flush()
            shutil.copyfile(folder / REJECTED, kept)
            error.hint = f"{error.hint}; all rejected lines: {kept}" if error.hint else f"all rejected lines: {kept}"
        raise


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What :func:`build_reference` was asked for; ``program`` is the version of makeblastdb."""

    version: str
    domains: tuple[Path, ...]
    domain_fasta: tuple[Path, ...]
    chain_fasta: tuple[Path, ...]
    hh_db: Path | None
    copy_hh: bool
    hierarchy: Path | None
    program: str

    def check(self) -> None:
        """See what can be seen before the long work."""
        if not _NAME.fullmatch(self.version):
            raise UsageError(
                f"{self.version!r} is not a version name",
                hint="letters, digits, '.', '_' and '-', at most 60 characters",
            )
        if not self.domains or not self.domain_fasta:
            raise UsageError("a reference needs at least one domain list and one FASTA file of its domains")
        for path, _ in self.files():
            if not path.is_file():
                raise ReferenceDataError("there is no such file", where=path)
        if self.hh_db is not None:
            profile_files(self.hh_db)

    def files(self) -> Iterator[tuple[Path, SourceKind]]:
        """Every source file with its kind."""
        yield from ((path, "domain_list") for path in self.domains)
        yield from ((path, "domain_fasta") for path in self.domain_fasta)
        yield from ((path, "chain_fasta") for path in self.chain_fasta)
        if self.hierarchy is not None:
            yield self.hierarchy, "hierarchy"


def _silent(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody wants to see."""


def _build(folder: Path, inputs: _Inputs, log: BuildLog, progress: Progress) -> ReferenceRecord:
    draft = Draft(log)
    versions = _read_lists(inputs, draft, progress)
    blast = folder / _BLAST
    blast.mkdir()
    with ChainSequences(blast / "staged.fasta") as chains:
        chains.read(inputs.chain_fasta, {key for keys in draft.chains for key in keys}, log, progress)
        keys = resolve_chains(draft.chains, chains.lengths)
        check_ends(draft, keys, chains)
        size = write_domain_fasta(inputs.domain_fasta, blast / "domains.fasta", draft, keys, chains, progress)
        check_sequences(draft)
        _must_fit(draft, size, log)
        progress("writing the lookup", 0, None)
        groups = _groups(draft, inputs.hierarchy, log)
        lookup = write_lookup(folder / LOOKUP, draft, groups, keys, chains.lengths)
        progress("making the domain database", 0, None)
        domain_db = _database(blast / "domains.fasta", f"ECOD {inputs.version} domains", size)
        chain_db = _chain_database(blast, inputs, chains, lookup, log, progress) if inputs.chain_fasta else None
    hh_db = _profiles(folder, inputs, lookup, log, progress)

    progress("computing checksums", 0, None)
    files = {
        path.relative_to(folder).as_posix(): FileStamp.of(path)
        for part in (LOOKUP, _BLAST)
        for path in sorted((folder / part).iterdir())
    }
    return ReferenceRecord(
        format=FORMAT,
        name=inputs.version,
        id=f"{inputs.version}-{_digest(domain_db, chain_db, hh_db, files)}",
        created=datetime.now(UTC),
        made_by=f"pyecod {__version__}",
        programs={"makeblastdb": inputs.program},
        counts=_counts(lookup, groups, domain_db, chain_db, hh_db),
        rejected={reason.value: count for reason, count in log.rejected.items()},
        noted={reason.value: count for reason, count in log.remarks.items()},
        domain_db=domain_db,
        chain_db=chain_db,
        hh_db=hh_db,
        sources=[
            SourceFile(kind=kind, path=str(path.absolute()), sha256=sha256_of(path), version=versions.get(path, ""))
            for path, kind in inputs.files()
        ],
        files=files,
    )


def _read_lists(inputs: _Inputs, draft: Draft, progress: Progress) -> dict[Path, str]:
    """Add all lines of all lists; what each list says of its version is returned."""
    versions = {}
    for path in inputs.domains:
        draft.begin(str(path))
        lines = DomainList(path, draft.log.reject)
        total = path.stat().st_size if path.suffix != ".gz" else None
        for count, line in enumerate(lines):
            draft.add(line)
            if count % REPORT_EVERY == 0:
                progress("reading lists", lines.characters, total)
        versions[path] = lines.version
        if lines.version not in ("", inputs.version):
            draft.log.remark(Remark.OTHER_VERSION, path, inputs.version, f"the list says it is {lines.version}")
    return versions


def _must_fit(draft: Draft, size: tuple[int, int], log: BuildLog) -> None:
    """A reference that lost most of its domains, or has nothing to search, is refused."""
    kept = sum(draft.kept)
    if size[0] and 2 * kept > draft.lines:
        return
    what = "no sequence belongs to a domain of the lists" if kept else "no domain of the lists can be used"
    if size[0]:
        what = f"only {kept} of {draft.lines} domains can be used"
    reasons = ", ".join(f"{count} × {reason.value}" for reason, count in log.rejected.most_common(4))
    example = next((log.first[reason] for reason, _ in log.rejected.most_common(1)), "")
    raise ReferenceDataError(
        f"{what}: {reasons}" if reasons else what, where=example or None, hint="are lists and sequences of one version?"
    )


def _groups(draft: Draft, hierarchy: Path | None, log: BuildLog) -> GroupTable:
    votes = GroupVotes()
    draft.vote(votes)
    if hierarchy is not None:
        votes.add_hierarchy(hierarchy)
    for group, names in votes.differing():
        log.remark(Remark.NAMES_DIFFER, "", group, f"named {' / '.join(names[:5])}; the first is used")
    return votes.table()


def _cut_chains(lookup: Lookup) -> set[str]:
    """Keys of the chains that have a domain with a range."""
    ends = lookup.chains.row_ends
    return {key.decode("ascii") for key in lookup.chain_keys.ids[ends[1:] > ends[:-1]].tolist()}


def _chain_database(
    blast: Path, inputs: _Inputs, chains: ChainSequences, lookup: Lookup, log: BuildLog, progress: Progress
) -> SequenceDatabase:
    """Database of the chains that have a sequence and can be cut into domains."""
    progress("making the chain database", 0, None)
    cut = _cut_chains(lookup)
    size = chains.write(blast / "chains.fasta", cut, log)
    if size[0] == 0:
        raise ReferenceDataError(
            f"no chain sequence belongs to a domain of the lists; a title is {chains.first_title[:80]!r}",
            where=inputs.chain_fasta[0],
            hint="titles must begin with the chain's key, for example 1sua_A, or the list's pdb column",
        )
    for key in sorted(cut - chains.lengths.keys()):
        log.remark(Remark.CHAIN_WITHOUT_SEQUENCE, "", key, "no sequence: not in the chain database")
    return _database(blast / "chains.fasta", f"ECOD {inputs.version} chains", size)


def _database(fasta: Path, title: str, size: tuple[int, int]) -> SequenceDatabase:
    id_ = make_database(fasta, title)
    fasta.unlink()
    return SequenceDatabase(prefix=f"{_BLAST}/{fasta.stem}", id=id_, sequences=size[0], residues=size[1])


def _profiles(
    folder: Path, inputs: _Inputs, lookup: Lookup, log: BuildLog, progress: Progress
) -> ProfileDatabase | None:
    """Check the HH-suite database, copy it if asked for, and see which of its entries the lists know."""
    if inputs.hh_db is None:
        return None
    progress("checking the profiles", 0, None)
    prefix = copy_profiles(inputs.hh_db, folder / _PROFILES) if inputs.copy_hh else inputs.hh_db
    entries = list(read_profiles(prefix))
    rows = lookup.domain_ids.rows([entry.domain_id for entry in entries])
    for entry, row in zip(entries, rows.tolist(), strict=True):
        if row < 0:
            log.remark(Remark.PROFILE_UNKNOWN, prefix, entry.domain_id, "the lists do not have this domain")
        elif entry.length not in (None, length := int(lookup.domains.length[row])):
            detail = f"the profile has {entry.length} residues, the domain {length}"
            log.remark(Remark.PROFILE_LENGTH_DIFFERS, prefix, entry.domain_id, detail)
    known = int((rows >= 0).sum())
    if known == 0:
        raise ReferenceDataError(
            f"none of its {len(entries)} entries is a domain of the lists; one is {entries[0].domain_id[:80]!r}",
            where=prefix,
            hint="an entry is named by domain id, with ';' and more after it or not, or uid|domain_id|f_id|range",
        )
    files = {suffix: FileStamp.of(path, ours=inputs.copy_hh) for suffix, path in profile_files(prefix).items()}
    return ProfileDatabase(
        prefix=f"{_PROFILES}/{prefix.name}" if inputs.copy_hh else str(prefix),
        id=profiles_digest({suffix: stamp.sha256 for suffix, stamp in files.items()}),
        entries=len(entries),
        known_entries=known,
        files=files,
    )


def _counts(
    lookup: Lookup,
    groups: GroupTable,
    domain_db: SequenceDatabase,
    chain_db: SequenceDatabase | None,
    hh_db: ProfileDatabase | None,
) -> dict[str, int]:
    domains = lookup.domains
    return {
        "domains": len(lookup.domain_ids),
        "domains_with_range": int((domains.segment_ends[1:] > domains.segment_ends[:-1]).sum()),
        "domains_with_group": int((domains.x >= 0).sum()),
        "domain_sequences": domain_db.sequences,
        "chains": len(lookup.chain_keys),
        "chain_sequences": chain_db.sequences if chain_db else 0,
        "profiles": hh_db.entries if hh_db else 0,
        "known_profiles": hh_db.known_entries if hh_db else 0,
    } | {f"{level}_groups": len(groups.ids[level]) for level in LEVELS}


def _digest(
    domain_db: SequenceDatabase,
    chain_db: SequenceDatabase | None,
    hh_db: ProfileDatabase | None,
    files: Mapping[str, FileStamp],
) -> str:
    """First twelve digits of a SHA-256 over what decides results: the databases' contents and the lookup."""
    parts = [database.id if database else "-" for database in (domain_db, chain_db, hh_db)]
    parts += [f"{name} {stamp.sha256}" for name, stamp in files.items() if name.startswith(f"{LOOKUP}/")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
