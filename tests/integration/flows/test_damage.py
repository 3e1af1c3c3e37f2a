"""Results of a finished week that are no longer what was recorded: noticed, given back, and made again in place."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.batch.result import WeeksFailedError
from flows.maintenance import maintenance
from flows.repair import repair
from flows.update_weeks import update_weeks
from pyecod.batch import Batch, ChainRecord, DataType, RunHistory, Status
from pyecod.partition.xml import read_partition
from pyecod.settings import load_settings
from pyecod.standing.damage import check_files, find_orphans, make_pending
from pyecod.store import migrate, open_store, sync_batches

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


def week(base_path: Path) -> Batch:
    return Batch.open(next(base_path.glob("ecod_weekly_*")))


def with_domains(batch: Batch) -> list[ChainRecord]:
    """Chains with domains, each of a sequence of its own."""
    found = {r.sequence_md5: r for r in batch.manifest.chains.values() if r.domain_count}
    return list(found.values())


def file_of(batch: Batch, record: ChainRecord, kind: str = "partition") -> Path:
    path = batch.paths.file(record, kind)
    assert path is not None
    return path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def shift(path: Path) -> None:
    """One range changed, and the sizes with it, so that the file is still a partition."""
    text = path.read_text()
    domain = read_partition(path).partition.domains[0]
    end = domain.range.end
    path.write_text(text.replace(f'-{end}"', f'-{end - 1}"', 1).replace(f'"{end}"', f'"{end - 1}"'))


SPOIL: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "truncated": cut,
    "deleted": Path.unlink,
    "one range changed": shift,
}


@pytest.mark.parametrize("has_checksums", [True, False], ids=["0.2", "0.1"])
def test_every_kind_of_damage_is_noticed_and_mended_in_place(
    small_world: Any, base_path: Path, has_checksums: bool
) -> None:
    if not has_checksums:
        forget_checksums(week(base_path))
    batch = week(base_path)
    assert check_files(batch) == []
    before = {name: file_of(batch, r).read_text() for name, r in batch.manifest.chains.items() if r.domain_count}
    chains = with_domains(batch)
    spoilt = {}
    for (what, spoil), record in zip(SPOIL.items(), chains, strict=False):
        spoil(file_of(batch, record))
        spoilt[str(record.key)] = what
    shutil.copy(file_of(batch, chains[5]), file_of(batch, chains[6]))
    spoilt[str(chains[6].key)] = "another chain's"
    cut(file_of(batch, chains[7], "summary"))
    of_summary = {n for n, r in batch.manifest.chains.items() if r.representative == chains[7].representative}

    found = check_files(batch)
    assert {str(d.chain) for d in found if d.kind == "partition"} == set(spoilt)
    assert {str(d.chain) for d in found if d.kind == "summary"} == of_summary
    assert len(make_pending(batch)) == len(found)
    assert not week(base_path).header.completed

    day = small_world.world.dates[0]
    update_weeks(start_date=day, end_date=day, overrides=small_world.overrides(base_path))
    mended, history = week(base_path), RunHistory(batch.path)
    assert mended.header.completed
    assert check_files(mended) == []
    for name in {*spoilt, *of_summary}:
        record = mended.manifest.chains[name]
        assert record.partition_status is Status.COMPLETE
        assert history.numbers(DataType.PARTITION, record.key) == [1, 2], name
        assert domains(file_of(mended, record).read_text()) == domains(before[name])
    untouched = next(r for r in chains if str(r.key) not in {*spoilt, *of_summary})
    assert history.numbers(DataType.PARTITION, untouched.key) == [1]


def domains(text: str) -> str:
    return text[text.index("<domains") : text.index("</domains>")]


def forget_checksums(batch: Batch) -> None:
    """As version 0.1 recorded a batch."""
    manifest = batch.paths.manifest
    text = re.sub(r',\s*"checksums":\s*\{[^}]*\}', "", manifest.read_text())
    assert '"checksums":' not in text
    manifest.write_text(text)


def test_maintenance_gives_damaged_results_back(small_world: Any, base_path: Path) -> None:
    batch = week(base_path)
    record = with_domains(batch)[0]
    file_of(batch, record).unlink()
    overrides = small_world.overrides(base_path)
    looked = maintenance(dry_run=True, overrides=overrides)
    assert len(looked.damaged) == 1
    assert week(base_path).manifest.chains[str(record.key)].partition_status is Status.COMPLETE
    done = maintenance(overrides=overrides)
    assert f"{record.key}: partition" in str(done)
    assert week(base_path).manifest.chains[str(record.key)].partition_status is Status.PENDING


def test_what_a_repair_has_replaced_is_left_and_sync_passes_over_it(
    small_world: Any, base_path: Path, tmp_path: Path
) -> None:
    batch = week(base_path)
    record = with_domains(batch)[0]
    file_of(batch, record).unlink()
    overrides = small_world.overrides(base_path)
    repair(reason="error_fix", chains=[str(record.key)], overrides=overrides)
    (damage,) = check_files(batch)
    assert damage.replaced
    assert make_pending(batch) == []
    database = {"mode": "embedded", "data_dir": str(tmp_path / "db")}
    with open_store(load_settings(overrides={"database": database}).database) as store:
        migrate(store)
        reports = sync_batches(store, sorted(base_path.glob("ecod_*")))
    assert [report.rejected for report in reports] == [(), ()]
    assert [report.problem for report in reports] == [None, None]


def test_a_folder_with_results_and_no_manifest_is_refused_in_words(small_world: Any, base_path: Path) -> None:
    batch = week(base_path)
    batch.paths.manifest.unlink()
    assert find_orphans(base_path) == [batch.path]
    day = small_world.world.dates[0]
    with pytest.raises(WeeksFailedError) as caught:
        update_weeks(start_date=day, end_date=day, overrides=small_world.overrides(base_path))
    assert "its manifest is gone (put batch_manifest.yaml back" in caught.value.results[0].problem
    assert list(batch.path.glob("partitions/*.xml"))
