from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyecod.batch import BatchHeader, ChainRecord, EntryRecord, Manifest, Status, read_manifest
from pyecod.batch.changes import chain_to_plain, entry_to_plain
from pyecod.batch.manifest import format_manifest, write_manifest
from pyecod.errors import BatchError
from pyecod.ids import ChainKey

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
shares = st.none() | st.floats(0, 1) | st.just(1e-7)
keys = st.one_of(
    st.builds(
        ChainKey,
        st.from_regex(r"[0-9][a-z0-9]{3}|pdb_1[a-z0-9]{7}", fullmatch=True),
        st.from_regex(r"[A-Za-z0-9]{1,4}", fullmatch=True),
    ),
    st.from_regex(r"[A-Z][A-Za-z0-9.-]{0,20}", fullmatch=True).map(ChainKey),
)
records = st.builds(
    ChainRecord,
    key=keys,
    sequence_length=st.integers(0, 10_000),
    sequence_md5=st.from_regex(r"([0-9a-f]{32})?", fullmatch=True),
    blast_status=st.sampled_from(Status),
    blast_coverage=shares,
    needs_hhsearch=st.none() | st.booleans(),
    partition_coverage=shares,
    domain_count=st.none() | st.integers(0, 50),
    failure_reason=texts,
    seconds=st.none() | st.floats(0, 1e18),
    evidence=st.dictionaries(st.sampled_from(["hhsearch", "chain_blast"]), st.just({"found": 3, "kept": 0})),
    files=st.dictionaries(st.sampled_from(["summary", "partition"]), st.just("summaries/x.xml")),
)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(chains=st.lists(records, max_size=5, unique_by=lambda record: str(record.key)), title=texts)
def test_what_is_written_comes_back_through_this_reader_and_any_yaml_reader(
    tmp_path: Path, header: BatchHeader, chains: list[ChainRecord], title: str | None
) -> None:
    entries = {
        "8s72": EntryRecord("8s72", Status.COMPLETE, title=title or "", problems=("chain Q: odd",), resolution=2e-5)
    }
    manifest = Manifest(header, entries, {str(chain.key): chain for chain in chains}, journal_sequence=7)
    path = tmp_path / "batch_manifest.yaml"
    write_manifest(path, manifest)
    assert read_manifest(path) == manifest
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        tree = yaml.load(path.read_bytes(), Loader=loader)
        assert tree["chains"] == {name: chain_to_plain(chain) for name, chain in manifest.chains.items()}
        assert tree["entries"]["8s72"] == {**entry_to_plain(entries["8s72"]), "problems": ["chain Q: odd"]}
        assert tree["reference_version"] == "develop291"


@pytest.mark.slow
def test_forty_thousand_chains_come_back_equal(tmp_path: Path, header: BatchHeader) -> None:
    chains = {}
    for number in range(40_000):
        key = ChainKey(f"pdb_1{number // 4:07d}", "ABab"[number % 4])
        chains[str(key)] = ChainRecord(
            key, 300, f"{number // 3:032x}", blast_status=Status.COMPLETE, blast_coverage=number / 40_000
        )
    manifest = Manifest(header, {}, chains)
    path = tmp_path / "batch_manifest.yaml"
    write_manifest(path, manifest)
    assert read_manifest(path) == manifest
    assert path.stat().st_size < 40_000 * 1000


def test_keys_that_yaml_takes_for_numbers_survive(
    tmp_path: Path, header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    chains = {name: make_chain(name) for name in ("1234_5", "1e10_N", "1000_0", "8abc_NO")}
    path = tmp_path / "batch_manifest.yaml"
    write_manifest(path, Manifest(header, {}, chains))
    assert set(yaml.safe_load(path.read_text())["chains"]) == set(chains)


def test_a_manifest_edited_by_hand_or_written_by_another_program_is_read(
    tmp_path: Path, header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    manifest = Manifest(header, {"8abc": EntryRecord("8abc")}, {"8abc_A": make_chain("8abc_A", attempts=1)})
    path = tmp_path / "batch_manifest.yaml"
    text = format_manifest(manifest).decode()
    edited = text.replace('"attempts":1', '"attempts": 2').replace(
        "release_date: '2025-09-05'", "release_date: 2025-09-05"
    )
    assert edited != text
    path.write_text(edited.replace('  "8abc_A":', "  # a remark\n  '8abc_A':"))
    assert read_manifest(path).chains["8abc_A"].attempts == 2
    assert read_manifest(path).header.release_date == "2025-09-05"
    path.write_text(yaml.safe_dump(yaml.safe_load(text)))
    assert read_manifest(path) == manifest


BAD = {
    "cut short": (lambda t: t[: t.index("chains:") + 20], "cut short"),
    "cut at a line": (lambda t: t[: t.index('  "8abc_B"')], "cut short"),
    "empty": (lambda t: "", "not a mapping"),
    "binary": (lambda t: "\x00\x01", "not valid YAML"),
    "a list": (lambda t: "- 1\n", "not a mapping"),
    "wrong status": (lambda t: t.replace('"blast_status":"pending"', '"blast_status":"ready"', 1), "8abc_A"),
    "wrong type": (lambda t: t.replace('"attempts":0', '"attempts":"0"', 1), "attempts"),
    "unknown key": (lambda t: t.replace('"attempts":0', '"trials":0', 1), "unknown field 'trials'"),
    "other name inside": (lambda t: t.replace('"chain_id":"A"', '"chain_id":"Z"', 1), "says it is 8abc_Z"),
    "path in a name": (lambda t: t.replace('"8abc_A"', '"../8abc_A"', 1), "not a chain or record id"),
    "chain twice": (lambda t: t.replace('  "8abc_B"', '  "8abc_A"', 1), "twice"),
    "unknown header": (lambda t: t.replace("batch_type:", "kind: x\nbatch_type:"), "unknown header field 'kind'"),
    "batch type": (lambda t: t.replace("batch_type: weekly", "batch_type: daily"), "'daily' is not a batch type"),
    "no batch type": (lambda t: t.replace("batch_type: weekly\n", ""), "lacks 'batch_type'"),
    "header type": (lambda t: t.replace("reference_id: develop291-0123", "reference_id: 5"), "reference_id"),
    "sequence": (lambda t: t.replace("journal_sequence: 0", "journal_sequence: -1"), "journal_sequence"),
    "python tag": (
        lambda t: t.replace("reference_id: develop291-0123", "reference_id: !!python/object/apply:os.system [ls]"),
        "tag",
    ),
    "harmless tag": (lambda t: t.replace("reference_id: develop291-0123", "reference_id: !!str x"), "tag"),
    "deep nesting": (lambda t: t.replace("tool_versions: {}", "tool_versions: " + "[" * 5000), "YAML"),
    "deep sequence": (
        lambda t: t.replace("tool_versions: {}", "tool_versions:\n  " + "- " * 5000),
        "nested too deeply",
    ),
    "records missing": (lambda t: t.replace('"sequence_length":100,', "", 1), "lacks 'sequence_length'"),
    "not a mapping": (lambda t: t.replace('  "8abc_A": {', '  "8abc_A": 5 #{', 1), "not a mapping"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_manifest_is_an_error_that_names_file_and_fault(
    name: str, tmp_path: Path, header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    damage, part = BAD[name]
    chains = {key: make_chain(key) for key in ("8abc_A", "8abc_B")}
    text = format_manifest(Manifest(header, {}, chains)).decode()
    damaged = damage(text)
    assert damaged != text
    path = tmp_path / "batch_manifest.yaml"
    path.write_text(damaged)
    with pytest.raises(BatchError) as caught:
        read_manifest(path)
    assert part in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_manifest_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="there is no batch manifest"):
        read_manifest(tmp_path / "batch_manifest.yaml")
    with pytest.raises(BatchError, match="no such batch folder"):
        read_manifest(tmp_path / "missing" / "batch_manifest.yaml")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_manifest_with_any_bytes_changed_is_read_or_refused_with_the_declared_error(
    data: st.DataObject, tmp_path: Path, header: BatchHeader, make_chain: Callable[..., ChainRecord]
) -> None:
    text = bytearray(format_manifest(Manifest(replace(header, settings={}), {}, {"8abc_A": make_chain("8abc_A")})))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path / "batch_manifest.yaml"
    path.write_bytes(bytes(text))
    with contextlib.suppress(BatchError):
        read_manifest(path)


def test_a_manifest_and_its_name_are_forced_to_disk(tmp_path: Path, header: BatchHeader, disk: list[str]) -> None:
    write_manifest(tmp_path / "batch_manifest.yaml", Manifest(header))
    forced, *rest = disk
    assert forced.startswith("fsync .batch_manifest.yaml.")
    assert rest == ["rename batch_manifest.yaml", f"fsync {tmp_path.name}"]
