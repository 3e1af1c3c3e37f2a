"""Building with the real programs, and what stops a build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pyecod.errors import BrokenInputError, MissingProgramError, ReferenceDataError, UsageError
from pyecod.reference import Misfit, Reference, Remark, build_reference, check_reference

pytestmark = pytest.mark.integration


def test_case_survives_the_blast_databases(sources, tmp_path: Path) -> None:
    report = sources.build(tmp_path / "ref")
    reference = Reference.open(report.path)
    assert reference.chain_db is not None
    for prefix, titles in (
        (reference.domain_db, ["e1abcA1", "e1abcA2", "e1abca1", "e1abca2"]),
        (reference.chain_db, ["1abc_A", "1abc_a"]),
    ):
        command = ["blastdbcmd", "-db", prefix, "-entry", "all", "-outfmt", "%t"]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == titles
    assert reference.domain("e1abcA1").chain_key == "1abc_A"
    assert reference.domain("e1abca1").chain_key == "1abc_a"


def test_the_same_files_give_the_same_reference(sources, tmp_path: Path) -> None:
    first, second = (sources.build(tmp_path / name) for name in ("one", "two words"))
    assert first.id == second.id
    text = sources.chain_fasta.read_text()
    sources.chain_fasta.write_text(text.replace(text[-10:], "AAAAAAAAA\n"))
    third = sources.build(tmp_path / "three")
    assert third.id != first.id
    assert Reference.open(third.path).domain_db_id == Reference.open(first.path).domain_db_id
    assert Reference.open(third.path).chain_db_id != Reference.open(first.path).chain_db_id


def test_what_does_not_fit_is_left_out_counted_and_listed(sources, tmp_path: Path) -> None:
    with sources.domains.open("a") as lines:
        for id_, range_ in (
            ("e1abcA1", "A:1-80"),
            ("e1abcA3", "A:81-90"),
            ("e1abcA4", "A:-3-90"),
            ("e1abcA5", "A:9-9"),
        ):
            lines.write(f"9\t{id_}\tFALSE\t1.1.1\t1abc\tA\t\t{range_}\n")
        lines.write("9\te1abcA6\n")
    with sources.domain_fasta.open("a") as fasta:
        fasta.write(">e1abcA3\nACD\n>e7zzzA1\nACDEF\n>e1abcA5\n?\n")
    report = sources.build(tmp_path / "ref")
    assert report.rejected == {
        Misfit.DUPLICATE_ID: 1,
        Misfit.BAD_RANGE: 1,
        Misfit.BAD_LINE: 1,
        Misfit.LENGTH_DIFFERS: 1,
        Misfit.NO_LIST_LINE: 1,
        Misfit.BAD_SEQUENCE: 1,
    }
    assert report.noted[Remark.NO_SEQUENCE] == 1
    assert report.first[Misfit.DUPLICATE_ID] == f"{sources.domains}:6"
    rows = [line.split("\t") for line in (report.path / "rejected.tsv").read_text().splitlines()]
    assert len(rows) == 1 + sum(report.rejected.values())
    assert [f"{sources.domains}:7", "e1abcA3", "length_differs"] in [row[:3] for row in rows]
    reference = Reference.open(report.path)
    assert reference.rows(["e1abcA3", "e1abcA4", "e1abcA5"]).tolist()[:2] == [-1, -1]
    assert reference.domain("e1abcA5").length == 1
    assert reference.record.rejected == {reason.value: count for reason, count in report.rejected.items()}
    assert not [finding for finding in check_reference(report.path) if finding.state == "problem"]


def test_a_strict_build_stops_at_the_first_misfit_and_leaves_nothing(sources, tmp_path: Path) -> None:
    with sources.domains.open("a") as lines:
        lines.write("9\te1abcA4\tFALSE\t1.1.1\t1abc\tA\t\tA:-3-90\n")
    with pytest.raises(ReferenceDataError, match="SEQRES") as caught:
        sources.build(tmp_path / "made" / "ref", strict=True)
    assert caught.value.where == f"{sources.domains}:6"
    assert list((tmp_path / "made").iterdir()) == []


def test_lists_and_sequences_that_do_not_belong_together_are_refused(sources, tmp_path: Path) -> None:
    good = sources.domain_fasta.read_text()
    sources.domain_fasta.write_text(">e7zzzA1\nACDEF\n")
    with pytest.raises(ReferenceDataError, match="no sequence belongs to a domain"):
        sources.build(tmp_path / "ref")
    shortened = "".join(line[:9] + "\n" if line[0] != ">" else line + "\n" for line in good.splitlines())
    sources.domain_fasta.write_text(shortened)
    with pytest.raises(ReferenceDataError, match=r"no domain of the lists can be used: 4 × length_differs"):
        sources.build(tmp_path / "ref")
    sources.domain_fasta.write_text(good)
    sources.chain_fasta.write_text(">9zzz_A\nACDEF\n")
    with pytest.raises(ReferenceDataError, match="no chain sequence belongs"):
        sources.build(tmp_path / "ref")
    assert not (tmp_path / "ref").exists()


def test_wrong_files_are_named(sources, tmp_path: Path) -> None:
    with pytest.raises(ReferenceDataError, match="no such file"):
        sources.build(tmp_path / "ref", domains=[tmp_path / "nowhere.txt"])
    with pytest.raises(ReferenceDataError, match="unknown layout"):
        sources.build(tmp_path / "ref", domains=[sources.domain_fasta])
    with pytest.raises(BrokenInputError, match=r"list\.txt"):
        sources.build(tmp_path / "ref", domain_fasta=[sources.domains])
    with pytest.raises(ReferenceDataError, match="lacks this file"):
        sources.build(tmp_path / "ref", hh_db=tmp_path / "nowhere")
    with pytest.raises(UsageError, match="version name"):
        build_reference(tmp_path / "ref", "../x", domains=[sources.domains], domain_fasta=[sources.domain_fasta])


def test_without_blast_the_error_says_how_to_get_it(sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgramError, match="makeblastdb") as caught:
        sources.build(tmp_path / "ref")
    assert "ncbi-blast+" in caught.value.hint


def test_a_reference_without_chains_and_profiles_has_neither(sources, tmp_path: Path) -> None:
    report = sources.build(tmp_path / "ref", chain_fasta=())
    reference = Reference.open(report.path)
    assert (reference.chain_db, reference.chain_db_id, reference.hh_db) == (None, None, None)
    assert reference.chain_length("1abc_A") is None
    chain = reference.chain_domains("1abc_A")
    assert chain is not None
    assert len(chain.rows) == 2


def test_progress_is_reported_by_stage(sources, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    sources.build(tmp_path / "ref", progress=lambda *what: seen.append(what))
    stages = list(dict.fromkeys(stage for stage, _, _ in seen))
    assert stages[:3] == ["reading lists", "reading chain sequences", "reading domain sequences"]
    assert all(total is None or 0 <= done <= total for _, done, total in seen)


def test_a_killed_build_leaves_no_reference_and_the_next_one_succeeds(
    make_sources: Callable[[Path], object], tmp_path: Path
) -> None:
    sources = make_sources(tmp_path / "sources")
    out = tmp_path / "ref"
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom pyecod.reference import build_reference\n"
        "def stop(stage, done, total):\n"
        "    if stage == 'making the domain database':\n        print('here', flush=True)\n        time.sleep(60)\n"
        "build_reference(Path(sys.argv[1]), 'small1', domains=[Path(sys.argv[2])], domain_fasta=[Path(sys.argv[3])],"
        " chain_fasta=[Path(sys.argv[4])], progress=stop)\n"
    )
    arguments = [out, sources.domains, sources.domain_fasta, sources.chain_fasta]
    with subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        with pytest.raises(ReferenceDataError, match="another build"):
            sources.build(out)
        os.kill(process.pid, signal.SIGKILL)
    assert not out.exists()
    assert (tmp_path / ".ref.building").is_dir()
    sources.build(out)
    assert {path.name for path in tmp_path.iterdir()} == {"ref", "sources"}
    assert {finding.state for finding in check_reference(out)} == {"ok", "note"}


def test_a_replaced_reference_goes_on_answering_for_who_has_it_open(sources, tmp_path: Path) -> None:
    first = Reference.open(sources.build(tmp_path / "ref").path)
    time.sleep(0.01)
    sources.domains.write_text(sources.domains.read_text().replace("\tF\n", "\tanother\n"))
    sources.build(tmp_path / "ref", force=True)
    second = Reference.open(tmp_path / "ref")
    assert second is not first
    assert second.id != first.id
    assert first.domain("e1abcA1").range == second.domain("e1abcA1").range


def test_a_full_disk_is_a_clear_error(sources, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", small], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(ReferenceDataError, match="No space left") as caught:
            sources.build(small / "ref")
        assert caught.value.where
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)
