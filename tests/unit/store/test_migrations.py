import pytest

from pyecod.errors import StoreError
from pyecod.store.migrations import read_migrations, sql_folder


def test_the_sql_files_of_the_checkout_are_found_and_numbered():
    migrations = read_migrations(sql_folder())
    assert [m.number for m in migrations] == list(range(1, len(migrations) + 1))
    assert migrations[0].name == "0001_batches_and_chains"


@pytest.mark.parametrize("names", [["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["0002_a.sql"]])
def test_missing_and_double_numbers_are_errors(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(StoreError, match="not numbered 1, 2, 3"):
        read_migrations(tmp_path)


def test_a_name_out_of_line_is_an_error(tmp_path):
    (tmp_path / "1-first.sql").write_text("SELECT 1")
    with pytest.raises(StoreError, match="1-first"):
        read_migrations(tmp_path)


def test_line_ends_do_not_change_the_checksum(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "0001_x.sql").write_bytes(b"SELECT\n1;\n")
    (tmp_path / "b" / "0001_x.sql").write_bytes(b"SELECT\r\n1;\r\n")
    assert read_migrations(tmp_path / "a")[0].checksum == read_migrations(tmp_path / "b")[0].checksum
