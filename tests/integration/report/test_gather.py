"""A report is made of what is on disk, and one broken file does not spoil the others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from pyecod.batch import Batch, BatchHeader
from pyecod.errors import BatchError
from pyecod.evidence import read_summary
from pyecod.ids import ChainKey
from pyecod.partition.xml import read_partition
from pyecod.report import gather, gather_report, render_page, write_report
from pyecod.settings import Settings

pytestmark = pytest.mark.integration
MakeBatch = Callable[..., Batch]


def pyecod(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pyecod.cli.main import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def first_with_domains(batch: Batch) -> ChainKey:
    return next(c.record.key for c in gather_report(batch).chains if c.partition and len(c.partition.domains) > 1)


def test_every_chain_of_the_batch_is_in_the_report_with_what_its_files_hold(batch_of: MakeBatch) -> None:
    batch = batch_of(40)
    report = gather_report(batch)
    assert [str(c.key) for c in report.chains] == sorted(batch.manifest.chains)
    for chain in report.chains:
        if "partition" not in chain.record.files:
            assert chain.partition is None
            continue
        stored = read_partition(batch.path / chain.record.files["partition"])
        assert chain.partition == stored.partition
        assert {n: chain.pdb_range(n) for n in stored.pdb_ranges} == stored.pdb_ranges
        summary = read_summary(batch.path / chain.record.files["summary"])
        assert {t.type: t.count for t in chain.tracks} == {k: len(summary.of_type(k)) for k in summary.found}
        assert chain.problems == ()


def test_a_broken_or_missing_file_is_a_problem_of_its_chains_only(batch_of: MakeBatch) -> None:
    batch = batch_of(40, copies=2)
    whole = {c.key: c for c in gather_report(batch).chains if c.partition}
    files = sorted({c.record.files["partition"] for c in whole.values() if c.record.representative == str(c.key)})
    (batch.path / files[0]).write_text("<partition")
    (batch.path / files[1]).unlink()
    broken = [c for c in gather_report(batch).chains if c.problems]
    assert len(broken) == 4
    assert all(c.partition is None for c in broken)
    page = render_page(gather_report(batch))
    assert len(page) > 10_000
    intact = [c for c in gather_report(batch).chains if c.partition]
    assert len(intact) == len(whole) - 4


def test_beyond_the_limit_evidence_is_left_out_and_the_page_says_so(
    batch_of: MakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batch_of(20, copies=2)
    monkeypatch.setattr(gather, "MOST_EVIDENCE", 9)
    report = gather_report(batch)
    assert not any(chain.tracks for chain in report.chains)
    assert "leave out the evidence" in render_page(report)


def test_the_page_of_a_batch_that_has_hardly_begun_can_be_made(batch_of: MakeBatch, tmp_path: Path) -> None:
    fresh = Batch.create(tmp_path, batch_of(5).manifest.header)
    assert "unfinished" not in write_report(fresh).read_text()
    waiting = Batch.create(tmp_path / "b", batch_of(5).manifest.header, pdb_entries="1abc\n")
    assert write_report(waiting).is_file()


def test_a_chain_is_shown_as_table_json_picture_and_scripts(batch_of: MakeBatch, tmp_path: Path) -> None:
    batch = batch_of(20)
    key = first_with_domains(batch)
    table = pyecod("report", "chain", key, "--batch", batch.path)
    assert table.returncode == 0
    assert f"{key}  " in table.stdout
    told = json.loads(pyecod("report", "chain", key, "--batch", batch.path, "--json").stdout)
    stored = read_partition(batch.path / batch.record(key).files["partition"])
    assert [d["range"] for d in told["domains"]] == [str(d.range) for d in stored.partition.domains]
    assert [d["pdb_range"] for d in told["domains"]] == list(stored.pdb_ranges.values())
    printed = pyecod("report", "chain", key, "--batch", batch.path, "--svg").stdout
    assert etree.fromstring(printed).tag == "{http://www.w3.org/2000/svg}svg"
    pyecod("report", "chain", key, "--batch", batch.path, "--svg", tmp_path / "x.svg")
    assert (tmp_path / "x.svg").read_text() == printed
    older = pyecod("report", "chain", key, "--batch", batch.path, "--legacy").stdout
    assert etree.fromstring(older.encode()).tag == "domain_partition"
    assert f"fetch {key.entry_id}" in pyecod("report", "chain", key, "--batch", batch.path, "--pymol").stdout
    assert f"open {key.entry_id}" in pyecod("report", "chain", key, "--batch", batch.path, "--chimerax").stdout


@pytest.mark.parametrize(("verdict", "repair_stands"), [("better", True), ("worse", False)])
def test_a_chain_is_found_by_the_name_of_a_batch_and_without_it_where_its_result_stands(
    batch_of: MakeBatch, verdict: str, repair_stands: bool
) -> None:
    batch = batch_of(20)
    key, base = first_with_domains(batch), batch.path.parent
    begun = BatchHeader.new("ecod_repair_20260101", "repair", Settings(), reason="error_fix")
    record = replace(batch.record(key), source_week="2025-09-05", repair_status=verdict)
    for folder in ("entries", "summaries", "partitions"):
        shutil.copytree(batch.path / folder, base / begun.batch_name / folder)
    Batch.create(base, replace(begun, created="2126-01-01T00:00:00Z"), chains=[record])
    standing = begun.batch_name if repair_stands else batch.name
    picture = pyecod("report", "chain", key, "--base-path", base, "--svg")
    assert (picture.returncode, picture.stderr) == (0, f"from {standing}, whose result stands\n")
    assert etree.fromstring(picture.stdout).tag == "{http://www.w3.org/2000/svg}svg"
    for name in (batch.name, begun.batch_name):
        told = pyecod("report", "chain", key, "--batch", name, "--base-path", base, "--json")
        assert json.loads(told.stdout)["batch"] == name
    unknown = pyecod("report", "chain", "7xyz_Q", "--base-path", base)
    assert (unknown.returncode, "no batch has a chain 7xyz_Q" in unknown.stderr) == (2, True)


def test_what_cannot_be_shown_is_said_with_its_exit_code(batch_of: MakeBatch, tmp_path: Path) -> None:
    batch = batch_of(60)
    failed = next(r.key for r in batch.manifest.chains.values() if r.is_failed)
    answer = pyecod("report", "chain", failed, "--batch", batch.path, "--svg")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "hhblits was killed" in answer.stderr
    unknown = pyecod("report", "chain", "7xyz_Q", "--batch", batch.path)
    assert unknown.returncode == 3
    assert "no chain 7xyz_Q" in unknown.stderr
    nowhere = pyecod("report", "batch", tmp_path)
    assert nowhere.returncode == 3
    assert "no batch" in nowhere.stderr
    both = pyecod("report", "chain", failed, "--batch", batch.path, "--svg", "--json")
    assert both.returncode == 2


def test_the_page_is_written_by_the_command(batch_of: MakeBatch) -> None:
    batch = batch_of(20)
    answer = pyecod("report", "batch", batch.path, "--json")
    path = Path(json.loads(answer.stdout)["report"])
    assert path == batch.path / "report" / "index.html"
    assert path.stat().st_size > 10_000


def test_asking_for_an_unknown_chain_is_an_error(batch_of: MakeBatch) -> None:
    with pytest.raises(BatchError, match="no chain 7xyz_Q"):
        gather_report(batch_of(5), [ChainKey("7xyz", "Q")])
