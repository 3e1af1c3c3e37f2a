"""Which week a record is of, and what a time of a record means."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import BatchHeader, BatchType, ChainRecord, EntryRecord
from pyecod.batch.header import UNKNOWN_TIME, filing_date, read_time, utc_now, week_of
from pyecod.batch.manifest import Manifest, read_header, read_kind, read_manifest, write_manifest
from pyecod.errors import BatchError
from pyecod.ids import ChainKey

UTC = datetime.UTC
CHAIN = ChainRecord(ChainKey("8s72", "A"), 10, "")


def header(kind: str, **more: Any) -> BatchHeader:
    return BatchHeader("b", BatchType(kind), more.pop("created", "2025-09-07T01:02:03+00:00"), **more)


def of_week(week: str | None) -> ChainRecord:
    return ChainRecord(CHAIN.key, 10, "", source_week=week)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-09-05T10:00:00+00:00", datetime.datetime(2025, 9, 5, 10, tzinfo=UTC)),
        ("2025-09-05T10:00:00.123+00:00", datetime.datetime(2025, 9, 5, 10, 0, 0, 123000, tzinfo=UTC)),
        ("2025-09-05T12:00:00+02:00", datetime.datetime(2025, 9, 5, 10, tzinfo=UTC)),
        ("2025-09-05T10:00:00Z", datetime.datetime(2025, 9, 5, 10, tzinfo=UTC)),
        ("2025-09-05T10:00:00.123456", datetime.datetime(2025, 9, 5, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2025-09-05 10:00:00", datetime.datetime(2025, 9, 5, 10, tzinfo=UTC)),
        ("unknown", UNKNOWN_TIME),
        ("", UNKNOWN_TIME),
    ],
)
def test_times_of_all_tools_are_read_as_times(text: str, time: datetime.datetime) -> None:
    assert read_time(text) == time
    assert read_time(text).tzinfo is not None


def test_a_new_time_has_milliseconds_and_is_utc() -> None:
    before = datetime.datetime.now(UTC)
    text = utc_now()
    assert text.endswith("+00:00")
    assert len(text) == len("2025-09-05T10:00:00.123+00:00")
    assert datetime.timedelta(milliseconds=-1) < read_time(text) - before < datetime.timedelta(minutes=1)


class TestWeekOf:
    def test_a_weeks_chain_is_of_its_release(self) -> None:
        assert week_of(header("weekly", release_date="2025-09-05"), CHAIN) == datetime.date(2025, 9, 5)

    def test_a_week_of_the_older_tools_has_its_release_in_its_name(self) -> None:
        assert week_of(BatchHeader("ecod_weekly_20250905", BatchType.WEEKLY, "unknown")) == datetime.date(2025, 9, 5)

    @pytest.mark.parametrize("week", ["2025-08-29", "20250829", "ecod_weekly_20250829"])
    def test_a_repaired_chain_is_of_its_original_release(self, week: str) -> None:
        assert week_of(header("repair"), of_week(week)) == datetime.date(2025, 8, 29)
        assert week_of(header("repair"), EntryRecord("8s72", source_week=week)) == datetime.date(2025, 8, 29)

    @pytest.mark.parametrize("record", [None, CHAIN, of_week("last friday")])
    def test_there_may_be_none(self, record: ChainRecord | None) -> None:
        assert week_of(header("repair"), record) is None
        assert week_of(header("fasta"), record) is None


class TestFilingDate:
    def test_it_is_the_week_where_there_is_one(self) -> None:
        assert filing_date(header("weekly", release_date="2025-09-05")) == datetime.date(2025, 9, 5)
        assert filing_date(header("repair"), of_week("ecod_weekly_20250829")) == datetime.date(2025, 8, 29)

    @pytest.mark.parametrize("kind", ["repair", "fasta"])
    def test_a_chain_without_a_week_is_under_the_day_of_its_batch(self, kind: str) -> None:
        assert filing_date(header(kind), CHAIN) == datetime.date(2025, 9, 7)

    @pytest.mark.parametrize(
        ("head", "record", "named"),
        [
            (header("repair"), of_week("last friday"), "b: 8s72_A"),
            (header("repair", created="unknown"), CHAIN, "'unknown'"),
            (header("weekly"), CHAIN, "''"),
        ],
    )
    def test_a_date_that_is_none_is_an_error_naming_the_chain(
        self, head: BatchHeader, record: ChainRecord, named: str
    ) -> None:
        with pytest.raises(BatchError, match="is not a release date") as caught:
            filing_date(head, record)
        assert named in str(caught.value)


class TestHeaderAlone:
    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text,
            lambda text: text.replace("release_date: '2025-09-05'", "release_date: 2025-09-05  # by hand"),
            lambda text: text.replace("batch_type: weekly", 'batch_type:   "weekly"'),
            lambda text: text.partition("\n")[2],  # not known as written by this pipeline
        ],
    )
    def test_it_is_that_of_the_manifest(self, tmp_path: Path, header: BatchHeader, change: Any) -> None:
        path = tmp_path / "batch_manifest.yaml"
        write_manifest(path, Manifest(header, chains={"8s72_A": CHAIN}))
        text = path.read_text()
        path.write_text(change(text))
        assert read_header(path) == read_manifest(path).header
        assert read_kind(path) == ("weekly", datetime.date(2025, 9, 5))

    def test_the_records_below_are_not_read(self, tmp_path: Path, header: BatchHeader) -> None:
        path = tmp_path / "batch_manifest.yaml"
        write_manifest(path, Manifest(header, chains={"8s72_A": CHAIN}))
        path.write_text(path.read_text().partition("\nchains:")[0])
        assert read_header(path) == header
        with pytest.raises(BatchError, match="cut short"):
            read_manifest(path)

    @pytest.mark.parametrize(
        ("text", "part"), [("", "not a mapping"), ("batch_type: odd\n", "batch_name"), (None, "no ")]
    )
    def test_what_is_no_manifest_is_an_error(self, tmp_path: Path, text: str | None, part: str) -> None:
        path = tmp_path / "batch_manifest.yaml"
        if text is not None:
            path.write_text(text)
        for read in (read_header, read_kind):
            with pytest.raises(BatchError, match=part):
                read(path)
