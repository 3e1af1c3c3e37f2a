"""The log of a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.errors import ReferenceDataError
from pyecod.reference.misfits import BuildLog, Misfit, Remark


def test_every_misfit_is_one_row_whatever_its_text(tmp_path: Path) -> None:
    with BuildLog(tmp_path) as log:
        log.reject(Misfit.BAD_ID, "list.txt:3", "a\tb", "tab\tand\nnew line")
        log.reject(Misfit.BAD_ID, "list.txt:9", "c", "again")
        log.remark(Remark.NO_GROUP, Path("list.txt"), "d", "none")
    assert (tmp_path / "rejected.tsv").read_text().splitlines() == [
        "where\tid\treason\tdetail",
        "list.txt:3\ta b\tbad_id\ttab and new line",
        "list.txt:9\tc\tbad_id\tagain",
    ]
    assert (tmp_path / "noted.tsv").read_text().splitlines()[1:] == ["list.txt\td\tno_group\tnone"]
    assert dict(log.rejected) == {Misfit.BAD_ID: 2}
    assert dict(log.remarks) == {Remark.NO_GROUP: 1}
    assert log.first == {Misfit.BAD_ID: "list.txt:3", Remark.NO_GROUP: "list.txt"}


def test_a_strict_build_stops_at_a_misfit_and_not_at_a_remark(tmp_path: Path) -> None:
    with BuildLog(tmp_path, strict=True) as log:
        log.remark(Remark.NO_GROUP, "list.txt:1", "e1abcA1", "none")
        with pytest.raises(ReferenceDataError, match="e1abcA1: backwards") as caught:
            log.reject(Misfit.BAD_RANGE, "list.txt:3", "e1abcA1", "backwards")
    assert caught.value.where == "list.txt:3"
    assert "--strict" in caught.value.hint
