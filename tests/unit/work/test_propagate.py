"""Members of clusters: mapped where that is right, searched themselves where not, or waiting for another week."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pyecod.batch import Batch, BatchHeader
from pyecod.families import Cluster, ClusteredSequence, Clustering, save_clustering
from pyecod.fasta import write_fasta
from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Outcome, Partition, Quality
from pyecod.partition.xml import read_partition, write_partition
from pyecod.pdb.chain import Chain, sequence_md5
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType
from pyecod.settings import Settings
from pyecod.work.chunks import SequenceGroup, Work
from pyecod.work.partition import Provenance
from pyecod.work.propagate import ClusterMembers

LEAD = "".join(random.Random(1).choices("ACDEFGHIKLMNPQRSTVWY", k=120))
FIRST, SECOND = "ecod_weekly_20250905", "ecod_weekly_20250912"
KEYS = [ChainKey("8abc", "A"), ChainKey("9def", "A")]


def write_lead(folder: Path) -> None:
    domain = Domain(1, ResidueRange.parse("5-115"), "e1abcA1", "1.1.1", "1.1", "1", EvidenceType.HHSEARCH)
    partition = Partition(120, Outcome.ASSIGNED, Quality.GOOD, (domain,), (), {}, "v", "pyecod-consensus", "1.0")
    path = folder / "partitions" / f"{KEYS[0].file_stem}.partition.xml"
    path.parent.mkdir(exist_ok=True)
    write_partition(
        path, partition, Chain(KEYS[0], LEAD), batch_id=folder.name, timestamp="2025-09-05T12:00:00+00:00",
        tool_versions={}, summary_sha256="0" * 64,
    )  # fmt: skip


def members_of(base_path: Path, member: str) -> tuple[ClusterMembers, SequenceGroup]:
    """Two weeks, the representative in the first; the members of the second, whose sequence is ``member``."""
    for name in (FIRST, SECOND):
        Batch.create(base_path, BatchHeader.new(name, "weekly", Settings(), release_date="2025-09-05"))
    group = SequenceGroup(sequence_md5(member), len(member), KEYS[1], (KEYS[1],))
    fastas = base_path / SECOND / "fastas"
    fastas.mkdir(exist_ok=True)
    write_fasta(fastas / f"{KEYS[1].file_stem}.fa", [(str(KEYS[1]), member)])
    lead = ClusteredSequence(sequence_md5(LEAD), ((KEYS[0], FIRST),))
    cluster = Cluster(1, lead, (ClusteredSequence(group.md5, ((KEYS[1], SECOND),)),))
    save_clustering(base_path / "clusters.json", Clustering("x", "file", (cluster,)))
    return opened(base_path), group


def opened(base_path: Path) -> ClusterMembers:
    settings = Settings(base_path=base_path, clusters={"file": base_path / "clusters.json"})
    return ClusterMembers(base_path / SECOND, settings, Provenance(SECOND, from_entries=False))


def test_a_member_is_not_searched_but_mapped_with_the_source_named(tmp_path: Path) -> None:
    clusters, group = members_of(tmp_path, "GSHM" + LEAD)
    write_lead(tmp_path / FIRST)
    other = SequenceGroup("0" * 32, 100, KEYS[0], (KEYS[0],))
    work, members = clusters.defer(Work(blast=(group, other)))
    assert (work.blast, members) == ((other,), (group,))
    (outcome,) = clusters.propagate(members)
    assert (outcome.state, outcome.why) == ("mapped", "from 8abc_A")
    (update,) = outcome.updates
    file = read_partition(tmp_path / SECOND / update.changes["files"]["partition"])
    assert [str(domain.range) for domain in file.partition.domains] == ["9-119"]
    assert update.changes["partition_coverage"] == pytest.approx(111 / 124, abs=1e-4)
    assert update.changes["files"]["mapped_from"].startswith(f"../{FIRST}/")


def test_a_member_that_maps_badly_is_queued_for_its_own_search(tmp_path: Path) -> None:
    clusters, group = members_of(tmp_path, LEAD[:60] + "".join(random.Random(2).choices("ACDEFGHIKL", k=60)))
    write_lead(tmp_path / FIRST)
    (outcome,) = clusters.propagate((group,))
    assert (outcome.state, outcome.updates) == ("queued", ())
    assert "8abc_A" in outcome.why


def test_a_member_waits_for_a_week_that_is_not_done_and_is_searched_when_that_has_no_result(tmp_path: Path) -> None:
    clusters, group = members_of(tmp_path, LEAD[2:])
    assert [outcome.state for outcome in clusters.propagate((group,))] == ["waiting"]
    with (first := Batch.open(tmp_path / FIRST)).lock():
        first.update_header(completed="2025-09-06T00:00:00+00:00")
    assert [outcome.state for outcome in opened(tmp_path).propagate((group,))] == ["queued"]


def test_where_one_copy_of_the_representative_is_damaged_the_next_is_taken(tmp_path: Path) -> None:
    _, group = members_of(tmp_path, LEAD[2:])
    write_lead(tmp_path / FIRST)
    other = Batch.create(tmp_path, BatchHeader.new("ecod_repair_20250920", "repair", Settings())).path
    write_lead(other)
    copies = ((KEYS[0], FIRST), (KEYS[0], other.name))
    cluster = Cluster(
        1, ClusteredSequence(sequence_md5(LEAD), copies), (ClusteredSequence(group.md5, ((KEYS[1], SECOND),)),)
    )
    save_clustering(tmp_path / "clusters.json", Clustering("x", "file", (cluster,)))
    damaged = tmp_path / FIRST / "partitions" / f"{KEYS[0].file_stem}.partition.xml"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    (outcome,) = opened(tmp_path).propagate((group,))
    assert outcome.state == "mapped"
    assert f"../{other.name}/" in outcome.updates[0].changes["files"]["mapped_from"]
    for copy in (damaged, other / "partitions" / damaged.name):
        copy.write_bytes(b"")
    assert [outcome.state for outcome in opened(tmp_path).propagate((group,))] == ["queued"]
