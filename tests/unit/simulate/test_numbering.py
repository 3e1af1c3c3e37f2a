import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyecod.simulate.numbering import Style, number_residues, observed_residues, prefixed


@given(st.integers(1, 400), st.sampled_from(list(Style)), st.integers(0, 1000))
def test_every_residue_has_an_author_number_of_its_own(length, style, seed):
    numbering = number_residues(length, style, np.random.default_rng(seed))
    numbers = [numbering.author(label) for label in range(1, length + 1)]
    assert len(set(numbers)) == length
    assert sum(run.count for run in numbering.runs) == length
    with pytest.raises(KeyError):
        numbering.author(length + 1)


def test_styles_do_what_they_say():
    rng = np.random.default_rng(1)
    made = {style: number_residues(120, style, rng) for style in Style}
    assert made[Style.PLAIN].author(1) == "1"
    assert int(made[Style.OFFSET].author(1)) > 1
    assert int(made[Style.NEGATIVE].author(1)) < 0
    assert int(made[Style.GAPS].author(120)) > 120
    assert any(run.insertion_code == "A" for run in made[Style.INSERTIONS].runs)


def test_a_longer_start_keeps_the_numbers_of_the_others():
    before = number_residues(120, Style.INSERTIONS, np.random.default_rng(3))
    after = prefixed(before, 2)
    assert [after.author(i + 2) for i in range(1, 121)] == [before.author(i) for i in range(1, 121)]
    assert int(after.author(1)) == int(before.author(1)) - 2


@given(st.integers(5, 400), st.integers(0, 1000))
def test_most_of_a_chain_is_observed(length, seed):
    tag = min(20, length // 5)
    seen = observed_residues(length, tag, 0, np.random.default_rng(seed))
    assert seen.start >= 1
    assert seen.end <= length
    assert len(seen) > 0.2 * length
