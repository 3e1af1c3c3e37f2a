"""The sections of the settings: every threshold, path and limit, with its unit and where its default comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pyecod.settings.layers import Section


def data_home() -> Path:
    """Folder for what pyECOD keeps per user: the embedded PostgreSQL, the default search cache."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "pyecod"


class SearchSettings(Section):
    """BLAST, HH-suite and the search cache."""

    cache_dir: Path | None = Field(None, description="search cache; default: <base_path>/search_cache")
    evalue: float = Field(0.002, gt=0, description="largest BLAST E-value kept")
    max_hits: int = Field(5000, ge=1, description="largest number of subjects BLAST reports per query and database")
    require_chains: bool = Field(
        True, description="refuse a reference without chain sequences; false: do without chain BLAST there"
    )
    hhsearch_below: float = Field(
        0.90,
        ge=0,
        le=1,
        description="profile search when domain-BLAST coverage is below this; equal needs none",
    )
    probability: float = Field(50.0, ge=0, le=100, description="smallest HHsearch probability kept, per cent")
    hhsearch_max_hits: int = Field(500, ge=1, description="largest number of HHsearch alignments kept per query")
    hhsearch_alternatives: int = Field(
        10, ge=1, description="alignments of one template with different parts of the query (-alt): repeats"
    )
    profile_db: Path | None = Field(
        None, description="hhblits database prefix (UniRef30); default: the reference's own HH database"
    )
    hhblits_iterations: int = Field(2, ge=1, le=8, description="hhblits rounds when building the profile (-n)")
    hhblits_evalue: float = Field(0.001, gt=0, description="inclusion E-value of the profile (-e)")
    program_cores: int | None = Field(None, ge=1, description="threads of one BLAST process; default: workers.cores")
    parallel_programs: int | None = Field(
        None, ge=1, description="HH-suite processes run side by side by one task; default: workers.cores"
    )
    blast_timeout: float = Field(7200, gt=0, description="seconds one BLAST process may take for a chunk")
    hhsuite_timeout: float = Field(
        43_200,
        gt=0,
        description="seconds hhblits or hhsearch may take for one sequence on its one core: 12 a residue are usual "
        "against UniRef30 (`pyecod plan` measures yours), so 12 h are enough for 3,600 residues, and end before a job "
        "of workers.slurm.walltime_hours does",
    )
    memory_gib: float = Field(4.0, gt=0, description="-maxmem of HH-suite, GiB")

    def enlarged(self, factor: float) -> SearchSettings:
        """The same searches with ``factor`` times the time. Not the memory: a process keeps to what -maxmem allows, so
        that a larger job has more to spare for it."""
        limits = {"blast_timeout": self.blast_timeout * factor, "hhsuite_timeout": self.hhsuite_timeout * factor}
        return self.model_copy(update=limits)


class PartitionSettings(Section):
    """Thresholds of the partitioner; where no source is named, docs/accuracy.md shows the effect of the value."""

    # what counts as evidence
    max_evalue: float = Field(0.002, gt=0, description="largest BLAST E-value of a hit that is considered")
    min_probability: float = Field(
        50.0, ge=0, le=100, description="smallest HHsearch probability of a hit that is considered, per cent"
    )
    min_aligned: int = Field(15, ge=1, description="fewest aligned residues of a hit that is considered")
    # from alignments to candidates
    join_overlap: int = Field(
        20, ge=0, description="residues by which two HSPs of one subject may overlap and still be one domain"
    )
    min_insertion: int = Field(
        35, ge=1, description="query residues without reference counterpart that keep a domain open, else closed"
    )
    max_extrapolation: int = Field(
        30,
        ge=0,
        description="largest number of unaligned reference residues projected beyond an alignment whose homology is "
        "uncertain (E above 1e-8)",
    )
    # from candidates to domains
    cluster_iou: float = Field(0.6, gt=0, le=1, description="shared residues / union from which two hits vote together")
    min_confidence: float = Field(
        0.20, ge=0, le=1, description="confidence below which no domain is made; 0.2 is one hit of probability 75"
    )
    overlap_tolerance: float = Field(
        0.30, ge=0, lt=1, description="share of the shorter domain two neighbours may overlap before they exclude"
    )
    domain_cost: int = Field(8, ge=0, description="residues a further domain must explain to be worth having")
    max_layout_states: int = Field(20_000, ge=1, description="states after which the exact layout search gives up")
    # domains
    min_domain_length: int = Field(25, ge=1, description="smallest domain, residues")
    min_segment_length: int = Field(8, ge=1, description="smallest segment of a discontinuous domain, residues")
    min_reference_coverage: float = Field(
        0.5, ge=0, le=1, description="aligned share of a reference domain below which a hit is partial"
    )
    min_domain_coverage: float = Field(
        0.6, ge=0, le=1, description="share of a domain its best reference aligns to, below which it should become one"
    )
    consensus: float = Field(0.70, ge=0, le=1, description="share of hits that must agree on an H-group")
    # boundaries
    max_tail: int = Field(
        30,
        ge=0,
        description="largest rest at an end of the chain, beyond what the domain lacks of its reference, that is given "
        "to it, residues",
    )
    max_linker: int = Field(
        30,
        ge=0,
        description="largest rest between two domains, beyond what they lack of their references, that is shared out "
        "among them, residues",
    )
    max_hole: int = Field(
        45, ge=0, description="largest rest inside a domain without evidence of its own that stays in it, residues"
    )
    low_complexity_bits: float = Field(
        2.2, ge=0, le=4.4, description="entropy of 12 residues below which they are low complexity, bits (SEG, 1993)"
    )


class QualitySettings(Section):
    """Labels by partition coverage."""

    good: float = Field(0.80, ge=0, le=1, description="coverage from which a partition is good")
    low_coverage: float = Field(
        0.50, ge=0, le=1, description="coverage from which it is low_coverage, else fragmentary"
    )

    @model_validator(mode="after")
    def _ordered(self) -> QualitySettings:
        if self.low_coverage > self.good:
            raise ValueError(f"quality.low_coverage ({self.low_coverage}) is above quality.good ({self.good})")
        return self


class ChainSettings(Section):
    """Which chains can be classified, and how they are packed."""

    min_length: int = Field(20, ge=1, description="a shorter protein chain is a peptide and not classifiable, residues")
    max_length: int = Field(10_000, ge=1, description="a longer sequence is too long and not classifiable, residues")
    max_file_mib: int = Field(2048, ge=1, description="an mmCIF file larger than this unpacked is refused, MiB")


class RunSettings(Section):
    """How a batch is worked through."""

    chunk_size: int = Field(200, ge=1, description="largest number of unique sequences per chunk")
    hhsearch_chunk_size: int = Field(
        20, ge=1, description="largest number of unique sequences per profile-search chunk"
    )
    chunk_cost: int = Field(60_000, ge=1, description="largest number of query residues per chunk")
    retries: int = Field(2, ge=0, description="times a failed search, or a failed chunk, is tried again")
    retry_delay: float = Field(300, ge=0, description="seconds before the first retry, doubled for each further one")
    look_back_weeks: int = Field(
        26,
        ge=0,
        description="weeks before the newest batch in which a weekly run without dates looks for releases that came "
        "late, were not finished, or whose list has grown; never before the oldest batch",
    )
    max_attempts: int = Field(
        3, ge=1, description="times a chain is tried over all resumes before only repair tries again"
    )
    snapshot_seconds: float = Field(60, ge=0, description="shortest time between two manifest snapshots")
    until: Literal["entries", "end"] = Field(
        "end", description="entries: only read them, so that a backlog can be clustered before it is searched"
    )
    evidence_loss: Literal["fail", "warn"] = Field(
        "fail", description="what a vanished evidence type does to the batch"
    )


class SlurmSettings(Section):
    """SLURM jobs: one job is one worker, which works on one chunk at a time with all its cores."""

    partition: str | None = Field(None, description="partition (queue) of the jobs; default: the cluster's own default")
    account: str | None = Field(None, description="account the jobs are charged to")
    walltime_hours: float = Field(24.0, gt=0, description="time limit of one job, hours; more than the longest chunk")
    min_count: int | None = Field(
        None, ge=0, description="jobs kept even when there is little to do; default: always workers.count of them"
    )
    interface: str | None = Field(
        None, description="network interface of scheduler and workers (ib0, eth0; lo where all nodes are one machine)"
    )
    host: str | None = Field(None, description="address of this machine as the nodes reach it; default: of interface")
    prologue: tuple[str, ...] = Field((), description="shell lines of the job before the worker starts (module load …)")
    directives: tuple[str, ...] = Field((), description="further sbatch options: --qos=long, --constraint=avx2")
    python: Path | None = Field(None, description="Python of the workers; default: the one this flow runs with")
    check_seconds: float = Field(
        30.0, gt=0, description="seconds between two looks at the queue, to replace lost jobs and fit their number"
    )
    patience_hours: float = Field(
        24.0, gt=0, description="hours without a single running worker after which the batch stops"
    )


class WorkerSettings(Section):
    """Where chunks run."""

    kind: Literal["threads", "dask", "slurm"] = Field(
        "threads", description="threads in the flow's process, local Dask processes, or SLURM jobs"
    )
    count: int = Field(2, ge=1, description="workers (threads, processes, or the largest number of SLURM jobs)")
    cores: int = Field(1, ge=1, description="cores of one worker, all given to the search programs it runs")
    memory_gib: float = Field(4.0, gt=0, description="memory of one worker, GiB (kind slurm)")
    second_try: float = Field(
        2.0,
        ge=1,
        description="memory and time of the workers, and time of the search programs, that try once more what ran out "
        "of either or killed its worker, as a multiple; 1: none",
    )
    slurm: SlurmSettings = SlurmSettings()

    def enlarged(self) -> WorkerSettings:
        """Workers with ``second_try`` times the memory and time."""
        slurm = self.slurm.model_copy(update={"walltime_hours": self.slurm.walltime_hours * self.second_try})
        return self.model_copy(update={"memory_gib": self.memory_gib * self.second_try, "slurm": slurm})


class ScratchSettings(Section):
    """The disk of the node: intermediates of the chunk at work, and copies of databases."""

    dir: Path | None = Field(None, description="node-local folder; default: the system's temporary folder")
    max_gib: float = Field(20.0, gt=0, description="largest peak of intermediates per worker, GiB")
    stage_gib: float = Field(
        0.0, ge=0, description="databases up to this size are copied to dir and searched there, GiB; 0: none"
    )


class DatabaseSettings(Section):
    """Where results go."""

    mode: Literal["embedded", "server", "none"] = Field(
        "embedded", description="private PostgreSQL of this user, a server by libpq settings, or no database"
    )
    url: str | None = Field(
        None, description="libpq connection string without password (mode server); default: PG… variables"
    )
    data_dir: Path | None = Field(None, description="embedded PostgreSQL's data; default: <user data folder>/postgres")
    connect_timeout: int = Field(10, ge=1, description="seconds to wait for the server to answer")
    retries: int = Field(3, ge=0, description="times a load is tried again while the server is away")
    retry_delay: float = Field(5, ge=0, description="seconds before the first of these, doubled for each further one")

    @model_validator(mode="after")
    def _no_password(self) -> DatabaseSettings:
        if self.url and ("password=" in self.url or _password_in_url(self.url)):
            raise ValueError("database.url holds a password: put it into ~/.pgpass or a libpq service file")
        return self


class ClusterSettings(Section):
    """Searching only representatives of similar sequences; without ``file`` every sequence is searched."""

    file: Path | None = Field(None, description="clustering made by `pyecod cluster build`; default: none")
    min_identity: float = Field(
        0.70, ge=0, le=1, description="identity of a member to its representative, below which it is searched itself"
    )
    min_coverage: float = Field(
        0.80, ge=0, le=1, description="share of a member that must be aligned, below which it is searched"
    )
    min_domain_mapped: float = Field(
        0.80, ge=0, le=1, description="share of each domain that must be in the member, below which it is searched"
    )
    max_insertion: int = Field(
        25, ge=1, description="residues in a row without counterpart above which a member is searched itself"
    )


class MaskSettings(Section):
    """Reference domains that count for nothing; those of the reference's own ``blacklist.tsv`` never do."""

    exclude_self: bool = Field(False, description="leave out the domains of the query's own PDB entry")
    exclude_domains: Path | None = Field(None, description="file of reference domains and chains to leave out")
    exclude_groups: Path | None = Field(None, description="file of X-, H-, T- and F-groups to leave out")


class RepairSettings(Section):
    """When the result of a repair is worse than what it was to mend."""

    tolerance: float = Field(
        0.02, ge=0, le=1, description="coverage a repaired chain of equal quality label may lose and not count as worse"
    )


class AlertSettings(Section):
    """When a batch, or the want of one, is worth a person's attention."""

    min_chains: int = Field(20, ge=1, description="finished chains below which shares and rates say nothing")
    failure_rate: float = Field(0.10, ge=0, le=1, description="share of failed chains, or entries, above which to tell")
    chains_per_hour: float = Field(100, ge=0, description="throughput below which to tell, chains per hour")
    settling_minutes: float = Field(30, ge=0, description="minutes a run has before its throughput counts")
    poor_quality: float = Field(
        0.30,
        ge=0,
        le=1,
        description="share of finished chains that cover less than quality.low_coverage above which to tell: those "
        "without domains count beside the fragmentary ones, because a wrong reference shows as either",
    )
    disk_gib: float = Field(20, ge=0, description="free space beside the batches below which to tell, GiB")
    scratch_gib: float = Field(5, ge=0, description="free scratch space below which to tell, GiB")
    memory_kills: int = Field(1, ge=1, description="chains that ran out of memory from which to tell")
    weekly_due: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = Field(
        "thursday", description="day from whose noon (UTC) on the week's batch should be complete"
    )
    abandoned_minutes: float = Field(
        60, gt=0, description="minutes an unfinished batch may be without driver or change before it counts as dead"
    )
    silent_minutes: float = Field(
        10,
        gt=0,
        description="minutes a run of the Prefect server may give no sign of life before the watch listens to it, and "
        "marks it as crashed where none comes",
    )


def _password_in_url(url: str) -> bool:
    authority = url.partition("://")[2].partition("/")[0]
    return ":" in authority.rpartition("@")[0]
