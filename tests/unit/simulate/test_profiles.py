import numpy as np

from pyecod.simulate.evolution import ancestor, evolve, identity
from pyecod.simulate.profiles import a3m, read_ffindex, write_ffindex


def test_an_alignment_has_one_column_per_residue_of_the_first_sequence():
    rng = np.random.default_rng(4)
    first = ancestor(150, rng)
    others = [evolve(first, 1.0, rng) for _ in range(5)]
    rows = a3m("rep;1.1.1.1", first, others).split(">")[1:]
    assert rows[0] == f"rep;1.1.1.1\n{first.text}\n"
    for row, other in zip(rows[1:], others, strict=True):
        text = row.split("\n")[1]
        columns = [letter for letter in text if not letter.islower()]
        assert len(columns) == len(first)
        assert text.replace("-", "").upper() == other.text
        same = [a == b for a, b in zip(first.text, columns, strict=True) if b != "-"]
        assert np.mean(same) == identity(first, other)


def test_an_ffindex_is_sorted_and_read_back(tmp_path):
    entries = {"e2b": b"two\n", "e10a": b"", "E1": b"one\x00\xff"}
    write_ffindex(tmp_path / "db_a3m", entries)
    assert read_ffindex(tmp_path / "db_a3m") == entries
    names = [line.split("\t")[0] for line in (tmp_path / "db_a3m.ffindex").read_text().splitlines()]
    assert names == ["E1", "e10a", "e2b"]
