"""What 0.1 left is read as 0.1 read it: batches, runs, reference, cache, settings, clusterings and task lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from pyecod.batch import RunHistory
from pyecod.batch.runs import DataType
from pyecod.families import load_clustering
from pyecod.ids import ChainKey
from pyecod.reference import Reference
from pyecod.search import SearchCache
from pyecod.settings import load_settings
from pyecod.standing.scan import read_tasks

pytestmark = pytest.mark.integration

BATCHES = (
    "ecod_repair_20250915",
    "ecod_repair_20250916",
    "ecod_weekly_20250905",
    "ecod_weekly_20250912",
    "two_sequences",
)


def plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, default=str))


def differences(before: Any, now: Any, where: str = "") -> list[str]:
    """Where something that was said is not said any more; what is new does not count."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [line for key, value in before.items() for line in differences(value, now.get(key), f"{where}.{key}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [line for i, (old, new) in pairs for line in differences(old, new, f"{where}[{i}]")]
    return [] if before == now else [f"{where}: {before!r} -> {now!r}"]


@pytest.mark.parametrize("name", BATCHES)
def test_every_record_says_the_same(site, name: str) -> None:
    said, batch, history = site.said("records")[name], site.batch(name), RunHistory(site.batch(name).path)
    assert (batch.header.completed, batch.header.settings_digest) == (said["completed"], said["settings"])
    assert not differences(said["counters"], plain(batch.counters().to_plain()))
    for kind, records in (("entries", batch.manifest.entries), ("chains", batch.manifest.chains)):
        assert records.keys() == said[kind].keys()
        for key, fields in said[kind].items():
            assert not differences(fields, {field: plain(getattr(records[key], field)) for field in fields}, key)
    for run, states in said["runs"].items():
        data_type, _, key = run.partition(" ")
        now = history.states(DataType(data_type), ChainKey.parse(key))
        assert [[state.number, state.is_current, state.run.outcome] for state in now] == states


def test_status_scan_and_trace_say_the_same(site) -> None:
    assert not differences(site.said("status"), site.json("status"))
    assert not differences(site.said("scan"), site.json("scan"))
    for chain in ("935v_A", "9tw5_A", "9gj0_A", "9kmf_A", "query1"):
        assert not differences(site.said(f"trace_{chain}"), site.json("trace", chain, "--no-database"))


def test_pages_and_pictures_are_made(site) -> None:
    for name in BATCHES:
        site.pyecod("report", "batch", f"batches/{name}")
        page = (site.folder / f"batches/{name}/report/index.html").read_text()
        assert all(key in page for key, chain in site.batch(name).manifest.chains.items() if chain.is_done)
    site.pyecod("report", "weeks")
    assert "2025-09-12" in (site.folder / "batches/report/weeks.html").read_text()
    site.pyecod("report", "chain", "9gj0_A", "--svg", "picture.svg")
    assert "9gj0_A" in (site.folder / "picture.svg").read_text()


def test_the_reference_is_whole_and_keeps_its_identity(site) -> None:
    assert "0 problems" in site.pyecod("reference", "check", "reference")
    reference = Reference.open(site.folder / "reference")
    assert reference.id == site.batch("ecod_weekly_20250905").header.reference_id
    said = [domain for batch in site.said("trace_935v_A")["batches"] for domain in batch.get("domains", ())]
    assert [reference.domain(domain["ecod_domain"]).f_group for domain in said] == [d["f_group"] for d in said] != []


def test_every_entry_of_the_cache_is_read(site) -> None:
    cache = SearchCache(site.settings.cache_dir)
    checked = cache.verify()
    assert checked.checked == len(list(cache.entries())) > 30
    assert checked.damaged == ()


@pytest.mark.parametrize("name", ["site.yaml", "every.yaml"])
def test_settings_say_the_same(site, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("PYECOD_DATABASE__MODE")
    now = load_settings(Path(name)).model_dump(mode="json")
    before = yaml.safe_load((site.folder / name).read_text())
    for tree, key in (
        (None, "base_path"),
        (None, "status_dir"),
        (None, "mirror"),
        (None, "reference"),
        ("database", "data_dir"),
    ):
        old, new = ((at[tree] if tree else at).pop(key) for at in (before, now))
        assert (site.folder / new).resolve() == site.folder / old  # a relative one begins at the file's folder
    assert not differences(before, now)
    site.pyecod("config", "check", "--settings", name)


def test_a_clustering_and_a_task_list_are_read(site) -> None:
    chains = {key for name in BATCHES[2:4] for key in site.batch(name).manifest.chains}
    assert all(
        str(key) in chains
        for cluster in load_clustering(site.folder / "clusters.json").clusters
        for key, _ in cluster.representative.chains
    )
    said = site.said("scan")["tasks"]
    assert [(task.batch, str(task.key)) for task in read_tasks(site.folder / "tasks.json")] == [
        (task["batch"], task["chain"]) for task in said
    ]
