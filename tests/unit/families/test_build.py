"""Clusters of other programs are read, every sequence is in exactly one, and damage is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyecod.errors import BrokenInputError, UsageError
from pyecod.families import Sequences, cluster_sequences, load_clustering, read_clusters, save_clustering
from pyecod.ids import ChainKey

CLSTR = """>Cluster 0
0\t120aa, >8abc_B... at 91.67%
1\t130aa, >8abc_A... *
>Cluster 1
0\t90aa, >8xyz_a... *
"""


@pytest.fixture
def sequences() -> Sequences:
    found = Sequences(batches=["w1", "w2"])
    for number, names in enumerate((["8abc_A", "8def_A"], ["8abc_B"], ["8xyz_a"], ["8new_A"])):
        md5 = f"{number:032x}"
        found.residues[md5] = "ACDEFGHIKL" * (number + 3)
        found.chains[md5] = [(ChainKey.parse(name), "w1") for name in names]
    return found


def members(clustering) -> list[list[str]]:
    return [[str(sequence.key) for sequence in cluster.sequences] for cluster in clustering.clusters]


def test_clstr_and_columns_say_the_same(sequences: Sequences, tmp_path: Path) -> None:
    (tmp_path / "a.clstr").write_text(CLSTR)
    (tmp_path / "b.tsv").write_text("8abc_A\t8abc_A\n8abc_A\t8abc_B\n8xyz_a 8xyz_a # alone\n8abc_A\t9zzz_Z\n")
    for name in ("a.clstr", "b.tsv"):
        clustering = read_clusters(tmp_path / name, sequences, "x")
        assert members(clustering) == [["8abc_A", "8abc_B"], ["8xyz_a"], ["8new_A"]]
        saving = clustering.saving
        assert (saving.chains, saving.sequences, saving.clusters) == (5, 4, 3)


def test_a_member_of_a_member_stands_by_itself(sequences: Sequences, tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("8abc_A 8abc_B\n8abc_B 8xyz_a\n")
    assert members(read_clusters(tmp_path / "c.tsv", sequences, "x")) == [["8abc_A", "8abc_B"], ["8xyz_a"], ["8new_A"]]


@pytest.mark.parametrize(
    "text", [">Cluster 0\nnonsense\n", ">Cluster 0\n0\t9aa, >8abc_A... at 90%\n", "one two three\n"]
)
def test_what_is_no_list_of_clusters_is_refused_with_its_line(text: str, sequences: Sequences, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text(text)
    with pytest.raises(BrokenInputError, match=r"bad:\d"):
        read_clusters(tmp_path / "bad", sequences, "x")


def test_a_saved_clustering_is_read_back_equal_and_damage_is_noticed(sequences: Sequences, tmp_path: Path) -> None:
    (tmp_path / "a.clstr").write_text(CLSTR)
    clustering = read_clusters(tmp_path / "a.clstr", sequences, "x")
    path = tmp_path / "new" / "x.json"
    save_clustering(path, clustering)
    assert load_clustering(path) == clustering
    assert set(load_clustering(path).by_sequence()) == {f"{1:032x}"}
    path.write_bytes(path.read_bytes().replace(b"8abc_B", b"8abc_C"))
    with pytest.raises(BrokenInputError, match="checksum"):
        load_clustering(path)


def test_identical_sequences_only_need_no_program(sequences: Sequences) -> None:
    clustering = cluster_sequences(sequences, "x", method="identical")
    assert clustering.saving.clusters == 4
    assert clustering.by_sequence() == {}


def test_impossible_thresholds_are_refused(sequences: Sequences) -> None:
    with pytest.raises(UsageError, match="identity"):
        cluster_sequences(sequences, "x", min_identity=0.1)
    with pytest.raises(UsageError, match="not a method"):
        cluster_sequences(sequences, "x", method="magic")
