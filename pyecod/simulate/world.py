"""A whole simulated world: a reference, weekly releases with their mmCIF mirror, and the truth about every chain."""

from __future__ import annotations

import datetime
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.random import Generator

from pyecod.errors import BrokenInputError, UsageError
from pyecod.fasta import write_fasta
from pyecod.files import atomic_write
from pyecod.ids import ChainKey, extended_pdb_id
from pyecod.pdb.chain import sequence_md5
from pyecod.simulate.architectures import make_proteome
from pyecod.simulate.deposition import Depositors
from pyecod.simulate.entries import Copy, EntryPlan, Polymer, Quirk, revised
from pyecod.simulate.families import make_t_groups
from pyecod.simulate.lists import Layout, deposit_reference, reference_domains, write_lists
from pyecod.simulate.mmcif import compressed, entry_cif
from pyecod.simulate.profiles import family_alignments, find_programs, write_profiles
from pyecod.simulate.truth import Kind, TruthChain, TruthDomain, write_truth, write_truth_chains

_RECORD = "world.json"
_MEMBERS = 5  # sequences of a family in the reference
_MOST_ENTRIES = 90_000  # four-character ids that begin with 8 or 9
_MODIFIED, _OBSOLETE = 0.05, 0.02  # of the entries of a release, later


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """What the world is to be like. Equal options give equal files, byte for byte (with the same numpy, HH-suite)."""

    seed: int = 1
    """Start of all randomness."""
    families: int = 80
    """F-groups of the reference, each with a profile; about 4.5 domains per family are in the list."""
    entries: int = 40
    """Entries added per release; 19 and more show every peculiarity of real files (:class:`Quirk`)."""
    weeks: int = 1
    """Releases. Each later one also modifies and obsoletes entries of earlier ones, and the mirror holds the state
    after the last: an obsolete entry's file and truth are gone. Up to then releases do not depend on this number."""
    start_date: datetime.date = datetime.date(2025, 9, 5)
    """Day of the first release; PDB releases are Fridays."""
    homologs: int = 26
    """Sequences of a family in its profile beside those of the reference."""
    divergence: float = 0.8
    """Largest distance of a close homolog from the reference, substitutions per site (0.8: 60 % identity)."""
    copies: float = 1.0
    """Factor on the chains per entity (at 1: 2.4 on average, and 3 to 4 chains per sequence)."""
    layout: Layout = "1.6"
    """Layout of the domain list."""
    version: str = "develop291"
    """Name of the simulated ECOD version."""
    profiles: bool = True
    """Make the HH-suite database (needs HH-suite; most of the time goes here)."""

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("families", 8), ("entries", 1), ("weeks", 1), ("homologs", 3)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}", hint=f"a world needs at least {least}")
        if self.entries * self.weeks > _MOST_ENTRIES:
            raise UsageError(f"{self.entries * self.weeks:,} entries", hint=f"there are ids for {_MOST_ENTRIES:,}")
        if not 0.05 < self.divergence <= 3 or not 0 < self.copies <= 100:
            raise UsageError("divergence must be above 0.05 and at most 3, copies above 0 and at most 100")
        if self.layout not in ("1.6", "develop294"):
            raise UsageError(f"{self.layout!r} is not a list layout", hint="1.6 or develop294")


@dataclass(frozen=True, slots=True)
class World:
    """A written world. ``chains`` counts its polymer chains, ``proteins`` those that can be classified."""

    folder: Path
    options: WorldOptions
    chains: int
    proteins: int
    reference_domains: int

    @property
    def domain_list(self) -> Path:
        """ECOD domain list of the reference."""
        return self.folder / "reference" / "domains.txt"

    @property
    def domain_fasta(self) -> Path:
        """Sequences of the reference's domains, titled ``uid|ecod_domain_id|f_id|range``."""
        return self.folder / "reference" / "domains.fasta"

    @property
    def chain_fasta(self) -> Path:
        """Sequences of the reference's chains, titled by chain key."""
        return self.folder / "reference" / "chains.fasta"

    @property
    def hh_db(self) -> Path | None:
        """Prefix of the HH-suite database, None where none was made."""
        return self.folder / "reference" / "hh" / "families" if self.options.profiles else None

    @property
    def status_dir(self) -> Path:
        """Status root with ``YYYYMMDD/added.pdb`` and ``latest``."""
        return self.folder / "status"

    @property
    def mirror(self) -> Path:
        """mmCIF mirror."""
        return self.folder / "mirror"

    @property
    def fasta(self) -> Path:
        """Every chain that can be classified, titled by chain key: input for ``pyecod classify``."""
        return self.folder / "chains.fasta"

    @property
    def truth(self) -> Path:
        """Truth table of the domains, see :func:`~pyecod.simulate.truth.read_truth`."""
        return self.folder / "truth.tsv"

    @property
    def truth_chains(self) -> Path:
        """Table of all chains with what can be expected of them."""
        return self.folder / "truth_chains.tsv"

    @property
    def dates(self) -> tuple[datetime.date, ...]:
        """Days of the releases."""
        return tuple(self.options.start_date + datetime.timedelta(weeks=week) for week in range(self.options.weeks))

    @classmethod
    def open(cls, folder: Path) -> World:
        """A world that was written before.

        Raises:
            BrokenInputError: there is none, or its record is damaged.
        """
        path = folder / _RECORD
        try:
            record = orjson.loads(path.read_bytes())
            start_date = datetime.date.fromisoformat(record["options"]["start_date"])
            options = WorldOptions(**record["options"] | {"start_date": start_date})
            return cls(folder, options, record["chains"], record["proteins"], record["reference_domains"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BrokenInputError(
                f"not a simulated world: {error}", where=path, hint="make one with `pyecod simulate world`"
            ) from error


def simulate_world(folder: Path, options: WorldOptions | None = None, **changes: Any) -> World:
    """Write a world into ``folder``: ``reference/``, ``status/``, ``mirror/``, the truth and all chains as FASTA.

    ``changes`` are fields of :class:`WorldOptions` that differ from ``options`` (from the defaults where none are
    given). A folder that holds the same world with fewer weeks is brought forward to ``weeks``; the very same world is
    not written again.

    Raises:
        UsageError: an option is impossible, or the folder holds something else.
        ProgramError: HH-suite is missing or failed (``profiles=False`` does without).
    """
    options = replace(options or WorldOptions(), **changes)
    folder = folder.absolute()
    if _is_there(folder, options):
        return World.open(folder)
    if options.profiles:
        find_programs()  # before anything is written
    reference = folder / "reference"
    reference.mkdir(parents=True, exist_ok=True)

    rng = _stream(options, "reference")
    groups = make_t_groups(options.families, rng, members=_MEMBERS, homologs=options.homologs)
    proteome = make_proteome(groups, rng)
    chains = deposit_reference(proteome, rng)
    domains = reference_domains(chains)
    write_lists(reference, chains, domains, layout=options.layout, version=options.version)

    truth = _Truth()
    for plan in _releases(folder, options, Depositors(proteome, options.divergence, options.copies)):
        truth.add(plan)
    truth.write(folder)

    world = World(folder, options, len(truth.chains), truth.proteins, len(domains))
    if world.hh_db is not None:
        world.hh_db.parent.mkdir(exist_ok=True)
        write_profiles(world.hh_db, family_alignments(domains))
    counts = {"chains": world.chains, "proteins": world.proteins, "reference_domains": world.reference_domains}
    record = {"options": asdict(options), **counts}
    atomic_write(folder / _RECORD, orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return world


def _is_there(folder: Path, options: WorldOptions) -> bool:
    """Whether the folder holds this very world; anything but its earlier weeks is refused."""
    if not folder.exists() or not any(folder.iterdir()):
        return False
    if not (folder / _RECORD).exists():
        raise UsageError("the folder is not empty and holds no finished world", where=folder, hint="choose another one")
    there = World.open(folder).options
    if replace(there, weeks=options.weeks) != options or there.weeks > options.weeks:
        raise UsageError("the folder holds a world made with other options", where=folder, hint="choose another one")
    return there == options


def _stream(options: WorldOptions, name: str) -> Generator:
    """Randomness of one part of the world, independent of all others."""
    return np.random.default_rng([options.seed, zlib.crc32(name.encode())])


def _releases(folder: Path, options: WorldOptions, depositors: Depositors) -> Iterator[EntryPlan]:
    """Write all releases and give the entries that are current after the last, in order of their release."""
    current: dict[str, EntryPlan] = {}
    for week in range(options.weeks):
        date = options.start_date + datetime.timedelta(weeks=week)
        modified, obsolete = _changes(list(current), options, week)
        for pdb_id in obsolete:
            del current[pdb_id]
            entry_path(folder / "mirror", pdb_id).unlink(missing_ok=True)
        for pdb_id in modified:
            current[pdb_id] = revised(current[pdb_id], date)
            _write_entry(folder, current[pdb_id], options)
        rng = _stream(options, f"week {week}")
        added = [depositors.entry(quirk, date, rng) for quirk in _quirks(options.entries, rng)]
        for plan in added:
            current[plan.pdb_id] = plan
            _write_entry(folder, plan, options)
        listed = [
            extended_pdb_id(plan.pdb_id) if plan.quirk is Quirk.EXTENDED_LISTED else plan.pdb_id for plan in added
        ]
        _write_status(folder / "status", date, {"added": listed, "modified": modified, "obsolete": obsolete})
    yield from current.values()


def _quirks(entries: int, rng: Generator) -> list[Quirk]:
    """Every peculiarity once, then at random; plain entries are the most frequent."""
    kinds = list(Quirk)
    more = max(0, entries - len(kinds))
    weights = np.array([6.0 if kind is Quirk.PLAIN else 1.0 for kind in kinds])
    drawn = rng.choice(len(kinds), more, p=weights / weights.sum())
    return [*kinds[:entries], *(kinds[i] for i in drawn)]


def _changes(current: list[str], options: WorldOptions, week: int) -> tuple[list[str], list[str]]:
    """Ids of earlier entries that a release modifies and obsoletes."""
    if len(current) < 3:
        return [], []
    rng = _stream(options, f"changes {week}")
    modified = max(1, round(_MODIFIED * options.entries))
    obsolete = max(1, round(_OBSOLETE * options.entries))
    chosen = [str(pdb_id) for pdb_id in rng.choice(current, min(modified + obsolete, len(current)), replace=False)]
    return sorted(chosen[obsolete:]), sorted(chosen[:obsolete])


def _write_status(status: Path, date: datetime.date, lists: dict[str, list[str]]) -> None:
    folder = status / f"{date:%Y%m%d}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, ids in lists.items():
        text = "".join(f"{pdb_id}\n" for pdb_id in sorted(ids))
        atomic_write(folder / f"{name}.pdb", text, durable=False)
    link = status / "latest"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)


def _write_entry(folder: Path, plan: EntryPlan, options: WorldOptions) -> None:
    path = entry_path(folder / "mirror", plan.pdb_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = entry_cif(plan, _stream(options, f"coordinates {plan.pdb_id}"))
    atomic_write(path, compressed(text), durable=False)


def entry_path(mirror: Path, pdb_id: str) -> Path:
    """Where the mirror keeps an entry: the divided layout, for extended ids that of wwPDB's archive."""
    divided = mirror / pdb_id[-3:-1]
    if pdb_id.startswith("pdb_"):
        return divided / pdb_id / "structures" / f"{pdb_id}.cif.gz"
    return divided / f"{pdb_id}.cif.gz"


class _Truth:
    """Collects the truth about all chains."""

    def __init__(self) -> None:
        self.chains: list[TruthChain] = []
        self._domains: list[TruthDomain] = []
        self._records: list[tuple[str, str]] = []
        self._first: dict[str, ChainKey] = {}

    @property
    def proteins(self) -> int:
        return len(self._records)

    def add(self, plan: EntryPlan) -> None:
        for polymer in plan.polymers:
            for copy in polymer.copies:
                self._add(ChainKey(plan.pdb_id, copy.author_id), polymer, copy)

    def _add(self, key: ChainKey, polymer: Polymer, copy: Copy) -> None:
        sequence = polymer.sequence
        length, md5 = len(sequence), sequence_md5(sequence)
        protein = polymer.protein
        if protein is None:
            reason = polymer.reason.value if polymer.reason else ""
            self.chains.append(TruthChain(key, length, md5, False, reason))
            return
        found = sum(domain.kind is not Kind.NOVEL for domain in protein.domains)
        twin = self._first.setdefault(md5, key)
        self.chains.append(
            TruthChain(key, length, md5, True, "", len(protein.domains), found, protein.architecture, twin)
        )
        self._records.append((str(key), sequence))
        for number, domain in enumerate(protein.domains, 1):
            family = domain.family
            self._domains.append(
                TruthDomain(
                    chain=key,
                    length=length,
                    number=number,
                    range=domain.range,
                    t_group=family.t_group if family else None,
                    h_group=family.h_group if family else None,
                    f_group=family.f_group if family else None,
                    pdb_range=copy.numbering.pdb_range(copy.author_id, domain.range),
                    kind=domain.kind,
                    family=family.f_name if family else "novel",
                )
            )

    def write(self, folder: Path) -> None:
        write_truth(folder / "truth.tsv", self._domains)
        write_truth_chains(folder / "truth_chains.tsv", self.chains)
        write_fasta(folder / "chains.fasta", self._records)
