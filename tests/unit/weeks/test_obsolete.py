from __future__ import annotations

import datetime
from pathlib import Path

from pyecod.batch import Batch, BatchHeader, EntryRecord, Status
from pyecod.batch.header import utc_now
from pyecod.settings import Settings
from pyecod.weeks.obsolete import find_obsolete, obsolete_entries
from pyecod.weeks.plan import plan_weeks


def release(root: Path, day: str, added: str = "9zzz\n", obsolete: str = "") -> None:
    folder = root / "status" / day
    folder.mkdir(parents=True)
    (folder / "added.pdb").write_text(added)
    (folder / "obsolete.pdb").write_text(obsolete)


def week(root: Path, *entries: EntryRecord) -> tuple[Batch, Settings]:
    settings = Settings(base_path=root / "batches", status_dir=root / "status")
    header = BatchHeader.new(
        "ecod_weekly_20250905", "weekly", settings, reference_version="r", reference_id="r", release_date="2025-09-05"
    )
    return Batch.create(settings.base_path, header, entries=entries), settings


def test_unread_entries_of_later_lists_are_settled_and_the_week_is_done(tmp_path: Path) -> None:
    release(tmp_path, "20250829", obsolete="1aaa\n")  # before: that was another fate of this id
    release(tmp_path, "20250905", added="1aaa\n2bbb\n3ccc\n4ddd\n", obsolete="2bbb\n")
    release(tmp_path, "20250912", obsolete="3CCC\n4ddd\n")
    batch, settings = week(
        tmp_path,
        EntryRecord("1aaa", Status.COMPLETE),
        EntryRecord("2bbb"),
        EntryRecord("3ccc", Status.FAILED, failure_reason="no mmCIF file"),
        EntryRecord("4ddd", Status.COMPLETE),  # it was read: `pyecod repair --obsolete` marks its chains
    )
    (before, _) = plan_weeks(settings, datetime.date(2025, 9, 5))
    assert (before.state, before.entries) == ("resume", 2)
    with batch.lock():
        batch.mark(entries=obsolete_entries(batch, settings))
        batch.update_header(completed=utc_now())
    entries = Batch.open(batch.path).manifest.entries
    assert {name: entry.failure_reason for name, entry in entries.items() if entry.status is Status.NOT_NEEDED} == {
        "2bbb": "obsolete since 2025-09-05",
        "3ccc": "obsolete since 2025-09-12",
    }
    assert plan_weeks(settings, datetime.date(2025, 9, 5))[0].state == "done"
    assert obsolete_entries(batch, settings) == []


def test_an_entry_of_an_earlier_list_only_is_tried_again(tmp_path: Path) -> None:
    release(tmp_path, "20250829", obsolete="1aaa\n")
    release(tmp_path, "20250905", added="1aaa\n")
    batch, settings = week(tmp_path, EntryRecord("1aaa", Status.FAILED, failure_reason="no mmCIF file"))
    assert obsolete_entries(batch, settings) == []


def test_what_the_mirror_still_has_is_read_first(tmp_path: Path) -> None:
    release(tmp_path, "20250905", added="1aaa\n2bbb\n3ccc\n")
    release(tmp_path, "20250912", obsolete="1aaa\n2bbb\n3ccc\n")
    failed = EntryRecord("3ccc", Status.FAILED, failure_reason="the gzip file is cut or damaged")
    batch, settings = week(tmp_path, EntryRecord("1aaa"), EntryRecord("2bbb"), failed)
    for pdb_id in ("1aaa", "3ccc"):
        path = tmp_path / "mirror" / pdb_id[1:3] / f"{pdb_id}.cif.gz"
        path.parent.mkdir(parents=True)
        path.touch()
    kept = settings.model_copy(update={"mirror": tmp_path / "mirror"})
    assert [entry.pdb_id for entry in obsolete_entries(batch, kept)] == ["2bbb", "3ccc"]


def test_without_status_folder_nothing_is_known() -> None:
    assert find_obsolete(Settings(), datetime.date.min) == {}
