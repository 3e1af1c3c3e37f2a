"""How long a batch will take, and what it needs: its chunks played through on so many workers, from measured costs.

Assumptions, each an argument: lengths of chains are log-normal with median 245 and mean 293 residues (the PDB's);
identical chains are searched once; ``remote`` of the sequences have too little BLAST coverage and need a profile
search; costs of searches grow with the sequence's length; several cores of a worker are kept busy to 85 %. Chunks are
packed and ordered by the same code as a run's. Not counted: waiting in the queue for the first jobs.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pyecod.search import SearchCache
from pyecod.search.encoding import DamagedEntryError, decode_header
from pyecod.search.hit import EvidenceType
from pyecod.settings import Settings
from pyecod.work.chunks import plan_blast_chunks, plan_profile_chunks

_MEASURED_AT_LEAST = 50  # results of a kind before their times are believed
_SAMPLE = 2000
_JOB_START = 60.0  # seconds until a SLURM job's worker takes its first chunk
_EFFICIENCY = 0.85
_LENGTHS = (5.5, 0.6)  # of the natural logarithm


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds per residue searched, flow seconds per chain, bytes kept per chain and per sequence.

    The defaults are the field's: a sequence of 300 residues takes 30 s of one core for BLAST against 1.08 million
    domains and 526 thousand chains (many queries to a process), and an hour of CPU for hhblits against UniRef30 and
    hhsearch. ``flow_seconds``: ``benchmarks/orchestration.py``.
    """

    blast: float = 30 / 300
    profile: float = 3600 / 300
    flow_seconds: float = 0.005
    chain_bytes: float = 30e3
    sequence_bytes: float = 300e3
    measured: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be classified: ``copies`` chains share a sequence on average, ``remote`` of the sequences need a
    profile search, ``cached`` of them were searched in an earlier batch."""

    chains: int
    copies: float = 1.0
    remote: float = 0.45
    cached: float = 0.0

    @property
    def sequences(self) -> int:
        """Different sequences."""
        return max(1, round(self.chains / self.copies))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hours from the first chunk to the last, CPU hours of the searches, tasks, jobs, and disk in GiB."""

    load: Load
    workers: int
    cores: int
    hours: float
    cpu_hours: float
    tasks: int
    jobs: int
    disk_gib: float


@dataclass(frozen=True, slots=True)
class _Sequence:
    md5: str
    length: int


SCENARIOS = {
    "one week": Load(1_800, copies=11 / 4),
    "40,000 representatives": Load(40_000),
    "backlog of 200,000 chains": Load(200_000, copies=11),
    "100 times the PDB": Load(110_000_000, copies=11),
}
"""What a planner asks about; a week's chains have fewer copies among themselves than among the whole PDB's."""


def measured_costs(cache: SearchCache) -> Costs:
    """Costs as this installation has had them: the times kept with the results in the search cache.

    Where there are too few of a kind, the default stays; ``measured`` names the others.
    """
    seconds: dict[EvidenceType, float] = {}
    residues: dict[EvidenceType, int] = {}
    counts: dict[EvidenceType, int] = {}
    for entry in itertools.islice(_results(cache), _SAMPLE):
        try:
            header = decode_header(entry.read_bytes(), "".join(entry.parts[-3:]))
        except (OSError, DamagedEntryError):
            continue  # gone or damaged: others tell as much
        kind = header.type
        seconds[kind] = seconds.get(kind, 0.0) + header.seconds
        residues[kind] = residues.get(kind, 0) + len(header.sequence)
        counts[kind] = counts.get(kind, 0) + 1
    per = {kind: seconds[kind] / residues[kind] for kind in counts if counts[kind] >= _MEASURED_AT_LEAST}
    costs = Costs()
    if EvidenceType.DOMAIN_BLAST in per:
        blast = per[EvidenceType.DOMAIN_BLAST] + per.get(EvidenceType.CHAIN_BLAST, 0.0)
        costs = replace(costs, blast=blast, measured=("blast",))
    if EvidenceType.HHSEARCH in per:
        costs = replace(costs, profile=per[EvidenceType.HHSEARCH], measured=(*costs.measured, "profile search"))
    return costs


def _results(cache: SearchCache) -> Iterator[Path]:
    return (cache.folder / "results").glob("??/??/[!.]*")


def estimate(load: Load, settings: Settings, costs: Costs, *, workers: int | None = None, seed: int = 1) -> Estimate:
    """Play a batch through: chunks longest first, each to the worker that is free first, profile searches as soon
    as their BLAST is done. Above 100,000 sequences a sample of that size is scaled up."""
    count = workers or settings.workers.count
    cores = settings.workers.cores
    searched = max(1, round(load.sequences * (1 - load.cached)))
    factor = max(1.0, searched / 100_000)
    sequences = _sequences(round(searched / factor), seed)
    played = max(1, round(count / factor))
    # as fast as the real number of workers, which a sample's may be rounded from
    speed = cores * (_EFFICIENCY if cores > 1 else 1.0) * count / factor / played
    seconds, tasks, cpu = _play(sequences, load, settings, costs, played, speed)
    seconds = max(seconds, costs.flow_seconds * load.chains / factor) + _JOB_START
    renewals = seconds / (settings.workers.slurm.walltime_hours * 3600 * 0.8)
    kept = load.chains * costs.chain_bytes + load.sequences * costs.sequence_bytes
    return Estimate(
        load, count, cores, seconds / 3600, cpu * factor / 3600, round(tasks * factor),
        count * (1 + int(renewals)), kept / 2**30,
    )  # fmt: skip


def _sequences(count: int, seed: int) -> list[_Sequence]:
    rng = random.Random(seed)
    return [_Sequence(f"{n:032x}", min(5000, max(20, int(rng.lognormvariate(*_LENGTHS))))) for n in range(count)]


def _play(
    sequences: Iterable[_Sequence], load: Load, settings: Settings, costs: Costs, workers: int, speed: float
) -> tuple[float, int, float]:
    """Seconds until all are done, number of tasks, CPU seconds."""
    run = settings.run
    rng = random.Random(1)
    free = [0.0] * workers
    cpu, tasks = 0.0, 0
    profiles: list[tuple[_Sequence, ...]] = []
    for chunk in plan_blast_chunks(list(sequences), run, workers):
        work = costs.blast * sum(sequence.length for sequence in chunk)
        heapq.heappush(free, heapq.heappop(free) + work / speed)
        profiles += plan_profile_chunks([s for s in chunk if rng.random() < load.remote], run, workers)
        cpu, tasks = cpu + work, tasks + 1
    for chunk in profiles:
        work = costs.profile * sum(sequence.length for sequence in chunk)
        heapq.heappush(free, heapq.heappop(free) + work / speed)
        cpu, tasks = cpu + work, tasks + 1
    return max(free), tasks, cpu


def workers_for(load: Load, settings: Settings, costs: Costs, hours: float) -> Estimate | None:
    """The fewest workers with which the load is done within ``hours``; None when no number is enough."""
    low, high = 0, 1
    while estimate(load, settings, costs, workers=high).hours > hours:
        low, high = high, high * 2
        if high > 1 << 20:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if estimate(load, settings, costs, workers=middle).hours > hours:
            low = middle
        else:
            high = middle
    return estimate(load, settings, costs, workers=high)
