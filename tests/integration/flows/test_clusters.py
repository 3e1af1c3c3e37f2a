"""A backlog with clusters: only representatives are searched, members get ranges of their own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.update_weeks import update_weeks
from pyecod.batch import Batch, RunHistory, Status
from pyecod.batch.runs import DataType
from pyecod.families import cluster_sequences, collect_sequences, load_clustering, save_clustering
from pyecod.ids import ChainKey
from pyecod.partition.xml import read_partition
from pyecod.settings import load_settings
from pyecod.store import migrate, open_store
from pyecod.store.families import record_clustering

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


@pytest.mark.parametrize("method", ["mmseqs2", "cd-hit"])
def test_only_representatives_are_searched(small_world: Any, tmp_path: Path, method: str) -> None:
    program = {"mmseqs2": "mmseqs", "cd-hit": "cd-hit"}[method]
    if shutil.which(program) is None:
        pytest.skip(f"not installed: {program}")
    base_path, file = tmp_path / "batches", tmp_path / "clusters.json"
    overrides = small_world.overrides(base_path)
    start = small_world.world.dates[0]
    read = update_weeks(start_date=start, overrides={**overrides, "run": {**overrides["run"], "until": "entries"}})
    assert all(result.counters.done == 0 < result.counters.classifiable for result in read)
    clustering = cluster_sequences(
        collect_sequences([result.path for result in read]), "all", method=method, min_identity=0.7
    )
    save_clustering(file, clustering)
    members = load_clustering(file).by_sequence()
    assert members  # the world has near-identical copies
    database = {"mode": "embedded", "data_dir": str(tmp_path / "db")}
    more = {"clusters": {"file": str(file)}, "database": database}
    for _ in range(2):  # the second time for members whose representative was in a later week
        update_weeks(start_date=start, overrides={**overrides, **more})
    mapped = 0
    for result in read:
        batch = Batch.open(result.path)
        assert batch.counters().left == 0
        for record in batch.manifest.chains.values():
            if not record.can_classify:
                continue
            assert record.partition_status is Status.COMPLETE, record
            if record.sequence_md5 not in members:
                assert record.blast_status is Status.COMPLETE
            elif "mapped_from" in record.files:
                mapped += 1
                assert record.blast_status is Status.NOT_NEEDED
                assert RunHistory(batch.path).numbers(DataType.BLAST, record.key) == []
                own = read_partition(batch.path / record.files["partition"])
                lead = read_partition(batch.path / record.files["mapped_from"])
                assert own.partition.parameters["mapped_from"] == str(lead.key)
                assert own.key == record.key
                assert own.partition.parameters["identity"] >= 0.7
                assert [d.t_group for d in own.partition.domains] == [d.t_group for d in lead.partition.domains]
                assert len(own.pdb_ranges) == record.domain_count
    assert mapped > 0
    settings = load_settings(overrides={**overrides, **more}).absolute()
    with open_store(settings.database) as store:
        migrate(store)
        counts = record_clustering(store, clustering, base_path)
        assert record_clustering(store, clustering, base_path) == counts
        with store.connect() as connection:
            (rows,) = connection.execute("SELECT count(*) FROM pdb_update.cluster_member").fetchone()
            waiting = connection.execute("SELECT * FROM pdb_update.cluster_members_needing_propagation").fetchall()
    assert counts["mapped"] == mapped
    assert rows == sum(counts.values())
    assert waiting == []
    assert ChainKey.parse(str(clustering.clusters[0].representative.key))
