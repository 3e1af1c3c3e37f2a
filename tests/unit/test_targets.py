import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.errors import ConfigError
from pyecod.targets import markdown_text, script_comment, script_id, slurm_option, tsv_cell

COMMAND = re.compile(r"# [A-Za-z0-9._ -]*|#", re.ASCII)
HOSTILE = st.text(max_size=80) | st.text(alphabet=";\\\n\r#@/`$|=+-\"' ,()[]<>&%aA1\x00\x1b\u2028", max_size=40)


@given(HOSTILE)
def test_comments_of_scripts_have_one_line_and_a_closed_alphabet(text: str) -> None:
    line = script_comment(text)
    assert COMMAND.fullmatch(line)
    assert len(line) <= 202


@given(HOSTILE)
def test_ids_in_scripts_have_a_closed_alphabet(text: str) -> None:
    assert script_id(text) in (None, text)
    assert script_id(text) is None or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", text, re.ASCII)


@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_cells_stay_one_cell_and_are_no_formula(texts: list[str]) -> None:
    row = "\t".join(tsv_cell(text) for text in texts)
    assert row.isprintable() or "\t" in row
    assert len(row.split("\t")) == len(texts)
    assert len(row.splitlines()) <= 1
    for cell in next(csv.reader(io.StringIO(row), delimiter="\t", quoting=csv.QUOTE_NONE), []):
        assert not re.match(r"[=@]|[-+](?![0-9.])", cell) or len(cell) == 1


@given(HOSTILE)
def test_markdown_is_one_line_without_markup(text: str) -> None:
    line = markdown_text(text)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_{}\[\]()<>|#!&~$]", line)
    assert "://" not in line.replace("\\://", "")


def test_an_option_of_a_job_script_is_one_line() -> None:
    assert slurm_option("--qos=long") == "--qos=long"
    with pytest.raises(ConfigError, match="cannot stand in a job script"):
        slurm_option("long\nrm -rf /")
