"""What real searches found is exported as files that the older tools' readers read back unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from pyecod.batch import Batch, ChainUpdate, Status
from pyecod.errors import BatchError
from pyecod.fasta import read_fasta
from pyecod.ids import ChainKey
from pyecod.reference import Reference
from pyecod.search import (
    EvidenceType,
    Query,
    SearchCache,
    SearchResult,
    load_evidence,
    read_blast_xml,
    read_hhr,
    search_blast,
    search_key,
    search_profiles,
)
from pyecod.settings import Settings, load_settings
from pyecod.weeks.begin import begin_fasta
from pyecod.work.chunks import choose_representatives
from pyecod.work.export import export_batch
from pyecod.work.previous import find_previous, read_previous

pytestmark = pytest.mark.integration

UNRELATED = "MGSSHHHHHHSSGLVPRGSHMRGPNPTAASLEWWWWPPPPGGGGNNNNQQQQ"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def settings(small_world: Any, folder: Path) -> Settings:
    overrides = small_world.overrides(folder / "batches", search={"cache_dir": str(folder / "cache")})
    return load_settings(overrides=overrides).absolute()


@pytest.fixture(scope="module")
def batch(small_world: Any, settings: Settings, folder: Path) -> Batch:
    """Four chains of the reference, one of them twice and with a name that needs marking, and one that is like nothing;
    all searched by the real programs, but for the fourth."""
    chains = [record.sequence for record in read_fasta(small_world.world.chain_fasta)][:4]
    fasta = folder / "q.fasta"
    names = dict(zip(("9aaa_A", "9aaa_B", "9aaa_C", "9aaa_D"), chains, strict=True))
    names |= {"9aaa_b": chains[0], "9aaa_E": UNRELATED}
    fasta.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in names.items()))
    batch = begin_fasta(fasta, settings)
    records = batch.manifest.chains.values()
    queries = {record.sequence_md5: Query(record.sequence_md5, names[str(record.key)]) for record in records}
    unsearched = batch.record(ChainKey.parse("9aaa_D")).sequence_md5
    profiled = [batch.record(ChainKey.parse(name)).sequence_md5 for name in ("9aaa_A", "9aaa_E")]
    del queries[unsearched]
    reference, cache = Reference.open(small_world.reference), SearchCache(settings.cache_dir)
    outcomes = search_blast(list(queries.values()), reference, cache, settings)
    outcomes += search_profiles([queries[md5] for md5 in profiled], reference, cache, settings)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    with batch.lock():
        batch.mark(choose_representatives(records))
        batch.mark(
            ChainUpdate(
                record.key,
                {
                    "blast_status": Status.COMPLETE,
                    "needs_hhsearch": record.sequence_md5 in profiled,
                    "hhsearch_status": Status.COMPLETE if record.sequence_md5 in profiled else Status.NOT_NEEDED,
                },
            )
            for record in records
            if record.sequence_md5 != unsearched
        )
    return batch


def evidence(batch: Batch, name: str, settings: Settings) -> dict[EvidenceType, SearchResult]:
    assert settings.reference is not None
    record = batch.record(ChainKey.parse(name))
    sequence = next(read_fasta(batch.paths.fasta_path(record.key))).sequence
    return load_evidence(
        Query(record.sequence_md5, sequence),
        Reference.open(settings.reference),
        SearchCache(settings.cache_dir),
        settings,
        with_hhsearch=record.hhsearch_status is Status.COMPLETE,
    )


def file_of(folder: Path, kind: EvidenceType, stem: str) -> Path:
    return (
        folder
        / ("hhsearch" if kind is EvidenceType.HHSEARCH else "blast")
        / (f"{stem}.hhr" if kind is EvidenceType.HHSEARCH else f"{stem}.{kind}.xml")
    )


def test_every_searched_chain_gets_files_that_are_read_back_equal(
    batch: Batch, settings: Settings, tmp_path: Path
) -> None:
    report = export_batch(batch.path, settings, output=tmp_path)
    assert report.failures == {}
    assert report.chains == 5
    gaps = 0
    written = set()
    for name, stem in (("9aaa_A", "9aaa_A"), ("9aaa_b", "9aaa_b~1"), ("9aaa_B", "9aaa_B"), ("9aaa_C", "9aaa_C"),
                       ("9aaa_E", "9aaa_E")):  # fmt: skip
        for kind, result in evidence(batch, name, settings).items():
            path = file_of(tmp_path, kind, stem)
            (back,) = [read_hhr(path)] if kind is EvidenceType.HHSEARCH else read_blast_xml(path, kind)
            assert back.hits == result.hits
            assert (back.query, back.query_length) == (name, result.query.length)
            assert (back.profile_depth, back.profile_neff) == (result.profile_depth, result.profile_neff)
            written.add(path)
            gaps += sum(len(hsp.segments) > 1 for hit in result.hits for hsp in hit.hsps)
    assert set(report.files) == written == {path for path in tmp_path.rglob("*") if path.is_file()}
    assert gaps > 0  # the searches found something to get wrong
    assert not evidence(batch, "9aaa_E", settings)[EvidenceType.DOMAIN_BLAST].hits


def test_the_aligned_residues_are_those_of_both_sequences(batch: Batch, settings: Settings, tmp_path: Path) -> None:
    """As many identical pairs as BLAST counted, in every alignment: both sequences are the ones it aligned."""
    export_batch(batch.path, settings, output=tmp_path)
    count = 0
    for path in (tmp_path / "blast").iterdir():
        for hsp in etree.parse(path).iter("Hsp"):
            query, target = hsp.findtext("Hsp_qseq"), hsp.findtext("Hsp_hseq")
            same = sum(a == b for a, b in zip(query, target, strict=True))
            assert same == int(hsp.findtext("Hsp_identity")) > 0
            count += 1
    assert count > 10
    lines = [line.split() for line in (tmp_path / "hhsearch" / "9aaa_A.hhr").read_text().splitlines()]
    targets = [line[3] for line in lines if line[:1] == ["T"]]
    assert targets
    assert not any(set(letters) <= {"X", "-"} for letters in targets)


def test_the_blast_file_is_what_blastp_itself_prints(batch: Batch, settings: Settings, tmp_path: Path) -> None:
    """Every value of every alignment and of the database, but the similar pairs, which the cache does not keep."""
    assert settings.reference is not None
    export_batch(batch.path, settings, chains=[ChainKey.parse("9aaa_B")], output=tmp_path)
    printed = tmp_path / "printed.xml"
    options = ["-outfmt", "5", "-evalue", "0.002", "-max_target_seqs", "5000", "-out", printed]
    database = Reference.open(settings.reference).domain_db
    query = batch.paths.fasta_path(ChainKey.parse("9aaa_B"))
    subprocess.run(["blastp", "-query", query, "-db", database, *options], check=True)
    names = ("Hit_num", "Hit_id", "Hit_def", "Hit_accession", "Hit_len", "Hsp_num", "Hsp_bit-score", "Hsp_score",
             "Hsp_evalue", "Hsp_query-from", "Hsp_query-to", "Hsp_hit-from", "Hsp_hit-to", "Hsp_identity", "Hsp_gaps",
             "Hsp_align-len", "Hsp_qseq", "Hsp_hseq", "Statistics_db-num", "Statistics_db-len")  # fmt: skip
    ours, theirs = (
        [(element.tag, element.text) for element in etree.parse(path).iter(*names)]
        for path in (tmp_path / "blast" / "9aaa_B.domain_blast.xml", printed)
    )
    assert ours == theirs


def test_a_repair_of_an_older_batch_takes_the_files_as_evidence(
    batch: Batch, settings: Settings, tmp_path: Path
) -> None:
    export_batch(batch.path, settings, output=tmp_path)
    for name in ("9aaa_A", "9aaa_b", "9aaa_E"):
        record = replace(batch.record(ChainKey.parse(name)), files={})
        expected = evidence(batch, name, settings)
        found = find_previous(record, tmp_path, older_form=True)
        assert found.keys() == expected.keys()
        query = expected[EvidenceType.DOMAIN_BLAST].query
        files = {kind: str(path.relative_to(tmp_path)) for kind, path in found.items()}
        read = read_previous(files, tmp_path, query, settings)
        assert {kind: one.hits for kind, one in read.items()} == {kind: one.hits for kind, one in expected.items()}


def test_what_was_pruned_is_said_and_the_others_are_written(
    batch: Batch, settings: Settings, small_world: Any, folder: Path, tmp_path: Path
) -> None:
    """Through the command line, into the batch's own folders."""
    query = evidence(batch, "9aaa_A", settings)[EvidenceType.HHSEARCH].query
    cache, reference = SearchCache(settings.cache_dir), Reference.open(small_world.reference)
    key = search_key(EvidenceType.HHSEARCH, query, reference, settings)
    kept = cache.get(key)
    assert kept is not None
    cache.forget("results", [key])
    file = tmp_path / "settings.yaml"
    file.write_text(json.dumps(small_world.overrides(folder / "batches", search={"cache_dir": str(folder / "cache")})))
    command = [sys.executable, "-m", "pyecod", "export", batch.name, "--settings", file]
    named = ["--chains", "9aaa_A", "9aaa_B", "9aaa_D"]
    try:
        run = subprocess.run([*command, *named, "--json"], capture_output=True, text=True, check=False)
        said = subprocess.run([*command, *named], capture_output=True, text=True, check=False)
    finally:
        cache.put(key, kept)
    assert (run.returncode, said.returncode) == (1, 1)
    report = json.loads(run.stdout)
    assert report["failures"].keys() == {"9aaa_A", "9aaa_D"}
    assert "no hhsearch result" in report["failures"]["9aaa_A"]
    assert "no searches in this batch: BLAST is pending" in report["failures"]["9aaa_D"]
    files = ["9aaa_A.chain_blast.xml", "9aaa_A.domain_blast.xml", "9aaa_B.chain_blast.xml", "9aaa_B.domain_blast.xml"]
    assert sorted(path.name for path in (batch.path / "blast").iterdir()) == files
    assert list((batch.path / "hhsearch").iterdir()) == []
    assert f"failed  9aaa_A: {settings.cache_dir}: the search cache has no hhsearch result" in said.stderr
    assert said.stdout.startswith("4 files of 2 chains in ")


def test_an_unknown_chain_and_other_settings_are_refused(batch: Batch, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="no chain 9zzz_A"):
        export_batch(batch.path, settings, chains=[ChainKey.parse("9zzz_A")], output=tmp_path)
    other = settings.model_copy(update={"search": settings.search.model_copy(update={"evalue": 0.01})})
    with pytest.raises(BatchError, match=r"search\.evalue"):
        export_batch(batch.path, other, output=tmp_path)
    assert list(tmp_path.iterdir()) == []
