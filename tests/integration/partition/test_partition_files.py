"""Summary files through ``pyecod partition``: both dialects, parallel, exit codes, against a built reference."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyecod.evidence import read_summary, write_summary
from pyecod.partition.xml import read_partition
from pyecod.search.hit import EvidenceType
from pyecod.simulate import simulate_evidence

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("partition")
    made = simulate_evidence(seed=5, chains=12, noise="clean", reference_domains=1500, hit_scale=0.05)
    made.build_reference(folder)
    (folder / "summaries").mkdir()
    for case in made:
        write_summary(folder / "summaries" / f"{case.summary.key.file_stem}.summary.xml", case.summary)
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pyecod.cli.main import main; main()", "partition", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ})


def test_a_folder_of_summaries_becomes_partition_files(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(world / "summaries", "--reference", world / "reference", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    assert len(records) == len(list(out.iterdir())) == 12
    for record in records:
        partition = read_partition(Path(record["written"])).partition
        assert [str(d.range) for d in partition.domains] == [d["range"] for d in record["domains"]]
        assert record["outcome"] == "assigned"
        for counts in record["evidence"].values():
            assert counts["kept"] == counts["accepted"] + sum(counts["rejected"].values())


def test_two_processes_give_the_same_as_one(world: Path) -> None:
    one = run(world / "summaries", "--reference", world / "reference", "--json")
    two = run(world / "summaries", "--reference", world / "reference", "--json", "--jobs", 2)
    assert (one.returncode, two.returncode) == (0, 0), two.stderr
    assert json.loads(one.stdout) == json.loads(two.stdout)


def test_explanations_are_printed_on_request(world: Path) -> None:
    first = sorted((world / "summaries").iterdir())[0]
    done = run(first, "--reference", world / "reference", "--explain")
    assert done.returncode == 0, done.stderr
    assert "are a domain of T-group" in done.stdout


def test_a_broken_summary_fails_alone_with_exit_code_1(world: Path, tmp_path: Path) -> None:
    broken = tmp_path / "8bad_A.summary.xml"
    broken.write_text("<domain_summary version='1.0'><protein")
    good = sorted((world / "summaries").iterdir())[0]
    done = run(broken, good, "--reference", world / "reference")
    assert done.returncode == 1
    assert "8bad_A.summary.xml" in done.stderr
    assert "residues" in done.stdout


def test_an_old_summary_without_a_sequence_is_partitioned(world: Path, tmp_path: Path) -> None:
    summary = read_summary(sorted((world / "summaries").iterdir())[0])
    hit = next(h for h in summary.hits if h.type is EvidenceType.DOMAIN_BLAST)
    span, there = (f"{a[0].start}-{a[0].end}" for a in ([hit.hsps[0].query_range], [hit.hsps[0].target_range]))
    old = tmp_path / "9abc_A.domain_summary.xml"
    old.write_text(
        f'<blast_summ_doc><blast_summ pdb="9abc" chain="A"/><blast_run><hits><hit domain_id="{hit.target}"'
        f' evalues="{hit.evalue}"><query_reg>{span}</query_reg><hit_reg>{there}</hit_reg></hit></hits></blast_run>'
        f"<query_len>{summary.length}</query_len></blast_summ_doc>"
    )
    done = run(old, "--reference", world / "reference", "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)
    assert (record["chain"], len(record["domains"])) == ("9abc_A", 1)
    assert round(read_partition(Path(record["written"])).partition.coverage, 4) == record["coverage"]


def test_no_reference_is_a_usage_error(world: Path) -> None:
    done = run(world / "summaries")
    assert done.returncode == 2
    assert "no reference is given" in done.stderr


def test_a_wrong_reference_is_one_clear_error(world: Path, tmp_path: Path) -> None:
    done = run(world / "summaries", "--reference", tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("there is no ECOD reference here") == 1
