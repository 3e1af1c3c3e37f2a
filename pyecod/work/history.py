"""What goes into the run history: each partition of each chain, each search of each sequence."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pyecod.batch import DataType, RunHistory
from pyecod.batch.record import Step
from pyecod.evidence import DomainSummary
from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Partition
from pyecod.pdb.chain import Chain
from pyecod.search import SearchOutcome


def peak_memory() -> float:
    """Largest resident memory of this process and of the programs it ran so far, MiB."""
    own, programs = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(max(own, programs) / 1024, 1)


def keep_summary(
    history: RunHistory, summary: DomainSummary, chain_md5: str, *, started: datetime, checksum: str, file: str
) -> None:
    """Keep a sequence's domain summary as its next run: the hits it has of each type, and the file with its checksum.

    Raises:
        BatchError: the disk is full or not writable.
    """
    history.save(
        DataType.SUMMARY,
        summary.key,
        {
            "found": {str(kind): number for kind, number in summary.found.items()},
            "kept": {str(kind): len(summary.of_type(kind)) for kind in summary.found},
            "file": file,
            "sha256": checksum,
        },
        started=started,
        peak_mib=peak_memory(),
        inputs={"sequence_md5": chain_md5, "reference_version": summary.reference_version},
    )


def keep_partition(
    history: RunHistory,
    partition: Partition,
    chain: Chain,
    *,
    started: datetime,
    summary_sha256: str,
    files: Mapping[str, str],
    tool_versions: Mapping[str, str],
) -> None:
    """Keep a chain's partition as its next run, whole: the partition file may be written anew later.

    Raises:
        BatchError: the disk is full or not writable.
    """
    history.save(
        DataType.PARTITION,
        chain.key,
        {
            "outcome": str(partition.outcome),
            "quality": str(partition.quality),
            "coverage": partition.coverage,
            "domains": [_domain(domain, chain) for domain in partition.domains],
            "evidence": {
                str(kind): {"found": c.found, "kept": c.kept, "considered": c.considered, "accepted": c.accepted}
                for kind, c in partition.counts.items()
            },
            "files": files,
        },
        started=started,
        peak_mib=peak_memory(),
        inputs={
            "sequence_md5": chain.sequence_md5,
            "summary_sha256": summary_sha256,
            "reference_version": partition.reference_version,
            "algorithm": f"{partition.algorithm} {partition.algorithm_version}",
            "parameters": partition.parameters,
            "tool_versions": tool_versions,
        },
    )


def _domain(domain: Domain, chain: Chain) -> dict[str, Any]:
    numbering = chain.numbering
    return {
        "id": domain.id(chain.key),
        "range": str(domain.range),
        "pdb_range": numbering.pdb_range(chain.key.author_part, domain.range) if numbering is not None else None,
        "t_group": domain.t_group,
        "f_group": domain.f_group,
        "ecod_domain": domain.ecod_domain,
        "source": str(domain.source),
        "evalue": domain.evalue,
        "probability": domain.probability,
    }


def keep_searches(
    history: RunHistory, step: Step, outcomes: Sequence[tuple[ChainKey, SearchOutcome]], *, started: datetime
) -> None:
    """Keep the searches of representatives as their next runs: what was found, and where the search cache has it. What
    is the current run already, because a retry of its chunk only looked it up again, is kept once.

    Raises:
        BatchError: the disk is full or not writable.
    """
    peak_mib = peak_memory()
    for key, outcome in outcomes:
        if _is_known(history, step, key, outcome):
            continue
        history.save(
            DataType.of(step),
            key,
            {
                "found": {str(kind): number for kind, number in outcome.found.items()},
                "kept": {str(kind): number for kind, number in outcome.kept.items()},
                "coverage": outcome.coverage,
                "seconds": round(outcome.seconds, 3),
                "cached": [str(kind) for kind in outcome.cached],
                "profile_depth": outcome.profile_depth,
                "error": outcome.error,
            },
            started=started,
            outcome="failed" if outcome.error else "complete",
            peak_mib=peak_mib,
            inputs={"sequence_md5": outcome.md5, "cache_keys": {str(k): v for k, v in outcome.keys.items()}},
        )


def _is_known(history: RunHistory, step: Step, key: ChainKey, outcome: SearchOutcome) -> bool:
    """Nothing was searched, and the current run has these results."""
    if outcome.error or set(outcome.cached) != set(outcome.keys):
        return False
    current = history.current(DataType.of(step), key)
    return current is not None and current.inputs.get("cache_keys") == {str(k): v for k, v in outcome.keys.items()}
