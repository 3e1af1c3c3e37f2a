"""Weekly releases: which weeks there are, and what is in them."""

from __future__ import annotations

import datetime
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import BrokenInputError, UsageError
from pyecod.pdb import find_releases, parse_date

FIRST, SECOND, THIRD = (datetime.date(2021, 9, day) for day in (10, 17, 24))


@pytest.fixture
def status(tmp_path):
    for day, ids in (("20210910", "5abc\n"), ("20210917", "1a4w\n1dix\n"), ("20210924", "7gsa\n")):
        (tmp_path / day).mkdir()
        (tmp_path / day / "added.pdb").write_text(ids)
    return tmp_path


@given(st.dates())
def test_both_forms_of_a_date_are_the_same_day(day):
    assert (
        parse_date(f"{day:%Y-%m-%d}".rjust(10, "0"))
        == parse_date(f" {day:%Y%m%d}".replace(" ", "").rjust(8, "0"))
        == day
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021",
        "2021-9-17",
        "202109171",
        "2021-0917",
        "202109-17",
        "2021-13-01",
        "20210230",
        "17.09.2021",
        "２０２１0917",
    ],
)
def test_what_is_no_date_is_a_usage_error(text):
    with pytest.raises(UsageError, match="is not a date") as caught:
        parse_date(text)
    assert "YYYY-MM-DD or YYYYMMDD" in caught.value.hint
    assert caught.value.exit_code == 2


def test_releases_between_two_dates_come_oldest_first_with_both_ends(status):
    assert [release.date for release in find_releases(status, FIRST, SECOND)] == [FIRST, SECOND]
    (release,) = find_releases(status, SECOND, SECOND)
    assert release.path == status / "20210917"
    assert release.added == ("1a4w", "1dix")
    assert release.skip_reason is None
    assert (release.modified, release.obsolete, release.problems) == ((), (), ())


def test_without_an_end_the_newest_folder_is_the_last(status):
    assert [release.date for release in find_releases(status, SECOND)] == [SECOND, THIRD]


def test_without_an_end_the_link_latest_is_the_last(status):
    (status / "latest").symlink_to("20210917")
    assert [release.date for release in find_releases(status, FIRST)] == [FIRST, SECOND]
    assert [release.date for release in find_releases(status, FIRST, THIRD)] == [FIRST, SECOND, THIRD]
    assert find_releases(status, THIRD) == []


@pytest.mark.parametrize("target", ["20220101", "new"])
def test_a_link_latest_to_no_release_is_an_error(status, target):
    (status / "new").mkdir()
    (status / "latest").symlink_to(target)
    with pytest.raises(BrokenInputError, match=target) as caught:
        find_releases(status, FIRST)
    assert "latest" in caught.value.where
    assert find_releases(status, FIRST, FIRST)


def test_a_link_latest_to_itself_is_an_error(status):
    (status / "latest").symlink_to("latest")
    with pytest.raises(BrokenInputError):
        find_releases(status, FIRST)


def test_a_folder_called_latest_says_nothing(status):
    (status / "latest").mkdir()
    assert len(find_releases(status, FIRST)) == 3


def test_names_that_are_no_date_and_files_are_passed_over(status):
    for name in ("20211399", "2021091", "status", "20210931"):
        (status / name).mkdir()
    (status / "20211001").write_text("a file")
    assert len(find_releases(status, FIRST)) == 3


def test_start_after_end_is_a_usage_error(status):
    with pytest.raises(UsageError, match="after"):
        find_releases(status, SECOND, FIRST)


def test_an_absent_status_folder_is_a_usage_error_that_names_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(UsageError, match="no such status folder") as caught:
            find_releases(path, FIRST)
        assert "--status-dir" in caught.value.hint


def test_an_unreadable_status_folder_is_broken_input(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(BrokenInputError, match="cannot read the status folder"):
        find_releases(loop, FIRST)


def week(status, **lists):
    for name, content in lists.items():
        (status / "20210917" / f"{name}.pdb").write_bytes(content if isinstance(content, bytes) else content.encode())
    (release,) = find_releases(status, SECOND, SECOND)
    return release


def test_modified_and_obsolete_entries_are_read(status):
    release = week(status, modified="1o1z\n", obsolete="1dix\n")
    assert (release.modified, release.obsolete) == (("1o1z",), ("1dix",))


def test_both_id_forms_blank_lines_comments_and_duplicates_are_tolerated(status):
    release = week(status, added="# new\n\n1A4W\r\n pdb_00001dix  # x\n1a4w\npdb_10001abc\n2XYZ")
    assert release.added == ("1a4w", "1dix", "pdb_10001abc", "2xyz")
    assert release.problems == ()


def test_a_bad_line_is_named_and_the_week_stays(status):
    release = week(status, added="1a4w\n../etc\n\n12\n1dix\n", modified="x/y\n")
    assert release.added == ("1a4w", "1dix")
    assert release.skip_reason is None
    folder = status / "20210917"
    assert release.problems == (
        f"{folder}/added.pdb:2: '../etc' is not a PDB id",
        f"{folder}/added.pdb:4: '12' is not a PDB id",
        f"{folder}/modified.pdb:1: 'x/y' is not a PDB id",
    )


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing this week\n"])
def test_an_empty_week_is_skipped_and_says_so(status, content):
    release = week(status, added=content, obsolete="1dix\n")
    assert release.skip_reason == "added.pdb is empty"
    assert release.obsolete == ("1dix",)


def test_an_absent_list_is_skipped_and_says_so(status):
    (status / "20210917" / "added.pdb").unlink()
    assert week(status).skip_reason == "added.pdb is absent"


def test_a_list_of_nothing_but_bad_lines_is_not_called_empty(status):
    release = week(status, added="nonsense\n")
    assert release.skip_reason == "added.pdb holds no PDB id"
    assert len(release.problems) == 1


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"1abc\n" * 99)[:-9], b"\xfd7zXZ\x00", b"1abc\n" + b"x" * 200_000],
    ids=["cut", "xz", "endless line"],
)
def test_an_unreadable_list_is_not_called_absent(status, content):
    release = week(status, added=content)
    assert release.skip_reason == "added.pdb cannot be read"
    assert len(release.problems) == 1
    assert "added.pdb" in release.problems[0]


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf1abc\r\n2abc\r\n", gzip.compress(b"1abc\n2abc\n"), b"1abc # Sj\xf6gren\n2abc\n", b"1abc\r2abc\r"],
    ids=["byte order mark", "gzip", "latin-1", "old line ends"],
)
def test_a_list_is_read_by_its_bytes(status, content):
    release = week(status, added=content)
    assert (release.added, release.problems) == (("1abc", "2abc"), ())


def test_a_folder_called_like_a_list_is_an_unreadable_list(status):
    (status / "20210917" / "added.pdb").unlink()
    (status / "20210917" / "added.pdb").mkdir()
    assert week(status).skip_reason == "added.pdb cannot be read"
