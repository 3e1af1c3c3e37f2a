"""Sequences held against lists and against each other."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pyecod.errors import BrokenInputError, ReferenceDataError
from pyecod.reference.draft import Draft, resolve_chains
from pyecod.reference.lists import ListLine
from pyecod.reference.misfits import Misfit, Remark
from pyecod.reference.sequences import ChainSequences, check_ends, check_sequences, write_domain_fasta

Line = Callable[..., ListLine]
CHAIN = "".join(random.Random(3).choices("ACDEFGHIKLMNPQRSTVWY", k=120))


def silent(stage: str, done: int, total: int | None) -> None: ...


def hold(draft: Draft, tmp_path: Path, domain_fasta: str, chain_fasta: str = "") -> tuple[str, ChainSequences]:
    """Run the stages of a build that deal with sequences; the FASTA for makeblastdb is returned."""
    chains = ChainSequences(tmp_path / "staged.fasta")
    paths = []
    if chain_fasta:
        paths.append(tmp_path / "chains.fa")
        paths[0].write_text(chain_fasta)
    chains.read(paths, {key for keys in draft.chains for key in keys}, draft.log, silent)
    keys = resolve_chains(draft.chains, chains.lengths)
    check_ends(draft, keys, chains)
    source, made = tmp_path / "domains.fa", tmp_path / "domains.fasta"
    source.write_text(domain_fasta)
    size = write_domain_fasta([source], made, draft, keys, chains, silent)
    check_sequences(draft)
    text = made.read_text()
    assert size == (text.count(">"), sum(len(line) for line in text.splitlines() if line[0] != ">"))
    return text, chains


def test_titles_become_ids_and_lengths_those_of_the_sequences(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:1-5"))
    draft.add(line("e1abcA2", seqid_range=""))
    text, _ = hold(draft, tmp_path, ">7|e1abcA1|1.1.1.3|A:1-5 more\nacd\nEF\n>e1abcA2\nMMMMMMM*\n")
    assert text == ">e1abcA1\nACDEF\n>e1abcA2\nMMMMMMM\n"
    assert list(draft.length) == [5, 7]
    assert not draft.log.rejected


def test_a_sequence_of_another_length_than_the_range_rejects_the_domain(
    draft: Draft, line: Line, tmp_path: Path
) -> None:
    draft.add(line("e1abcA1", seqid_range="A:1-5", line=8))
    draft.add(line("e1abcB1", seqid_range="A:1-5"))
    text, _ = hold(draft, tmp_path, ">e1abcA1\nACDE\n>e1abcB1\nACDEF\n")
    assert text == ">e1abcB1\nACDEF\n"
    assert dict(draft.log.rejected) == {Misfit.LENGTH_DIFFERS: 1}
    assert draft.log.first[Misfit.LENGTH_DIFFERS] == "list.txt:8"


def test_sequences_and_lines_without_each_other_are_counted(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:1-5"))
    draft.add(line("e1abcA2", seqid_range="A:6-9"))
    draft.add(line("e1abcA3", seqid_range=""))
    text, _ = hold(draft, tmp_path, ">e1abcA1\nACDEF\n>e9zzzA1\nACDEF\n")
    assert text == ">e1abcA1\nACDEF\n"
    assert dict(draft.log.rejected) == {Misfit.NO_LIST_LINE: 1, Misfit.NO_LENGTH: 1}
    assert draft.log.remarks[Remark.NO_SEQUENCE] == 1
    assert list(draft.kept) == [1, 1, 0]


def test_the_sequence_of_a_rejected_line_is_left_out_without_counting_twice(
    draft: Draft, line: Line, tmp_path: Path
) -> None:
    draft.add(line("e1abcA1", seqid_range="A:5-1"))
    draft.add(line("e1abcA2", seqid_range="A:1-5"))
    text, _ = hold(draft, tmp_path, ">e1abcA1\nACDEF\n>e1abcA2\nACDEF\n")
    assert text.count(">") == 1
    assert dict(draft.log.rejected) == {Misfit.BAD_RANGE: 1}


def test_bad_and_repeated_records_are_listed_by_line_and_the_rest_is_used(
    draft: Draft, line: Line, tmp_path: Path
) -> None:
    for number in range(1, 5):
        draft.add(line(f"e1abcA{number}", seqid_range="A:1-3"))
    fasta = ">e1abcA1\nACD\n>e1abcA2\nA1D\n>e1abcA3\n>x|e1abcA1\nACD\n>e1abcA4\nACD\n"
    text, _ = hold(draft, tmp_path, fasta)
    assert text == ">e1abcA1\nACD\n>e1abcA4\nACD\n"
    assert dict(draft.log.rejected) == {Misfit.BAD_SEQUENCE: 2, Misfit.DUPLICATE_SEQUENCE: 1}
    assert draft.log.first[Misfit.BAD_SEQUENCE] == f"{tmp_path / 'domains.fa'}:4"
    assert draft.log.remarks[Remark.NO_SEQUENCE] == 2


def test_a_file_that_is_no_fasta_stops_the_build(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1"))
    with pytest.raises(BrokenInputError, match=r"domains\.fa"):
        hold(draft, tmp_path, "no fasta\n")


@pytest.mark.parametrize(
    "title",
    [
        *("1abc_A", "1ABC_A", "1abcA", "1abc A", "pdb_00001abc_A", "1abc_A mol:protein length:120", "pdb|1abc|A"),
        *("gnl|pdbaa|1abc_A", "1ABC_1|Chain A|NAME|ORGANISM", "1ABC_2|Chains B[auth A], C|NAME|ORGANISM"),
    ],
)
def test_chain_titles_are_keys_in_any_usual_spelling(draft: Draft, line: Line, tmp_path: Path, title: str) -> None:
    draft.add(line("e1abcA1", seqid_range="A:11-40"))
    _, chains = hold(draft, tmp_path, f">e1abcA1\n{CHAIN[10:40]}\n", f">{title}\n{CHAIN}\n")
    assert chains.lengths == {"1abc_A": 120}
    assert chains.residues("1abc_A", ((1, 3), (118, 120))) == (CHAIN[:3] + CHAIN[117:]).encode()


def test_chains_that_differ_in_case_are_two(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:1-30"))
    draft.add(line("e1abca1", chain="a", seqid_range="a:1-30"))
    fasta = f">e1abcA1\n{CHAIN[:30]}\n>e1abca1\n{CHAIN[60:90]}\n"
    _, chains = hold(draft, tmp_path, fasta, f">1abc_A\n{CHAIN}\n>1abc_a\n{CHAIN[60:]}\n")
    assert not draft.log.rejected
    assert chains.lengths == {"1abc_A": 120, "1abc_a": 60}


def test_a_range_beyond_the_end_of_its_chain_rejects_the_domain(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:100-121"))
    draft.add(line("e1abcA2", seqid_range="A:91-120"))
    text, _ = hold(draft, tmp_path, f">e1abcA1\n{CHAIN[:22]}\n>e1abcA2\n{CHAIN[90:]}\n", f">1abc_A\n{CHAIN}\n")
    assert text == f">e1abcA2\n{CHAIN[90:]}\n"
    assert dict(draft.log.rejected) == {Misfit.BEYOND_CHAIN: 1}


def test_a_range_in_another_numbering_is_seen_by_the_chains_residues(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:21-60"))
    text, _ = hold(draft, tmp_path, f">e1abcA1\n{CHAIN[:40]}\n", f">1abc_A\n{CHAIN}\n")
    assert text == ""
    assert dict(draft.log.rejected) == {Misfit.SEQUENCE_DIFFERS: 1}


def test_modified_residues_as_x_or_parent_are_no_difference(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:1-40"))
    hold(draft, tmp_path, f">e1abcA1\nXXXXXXXX{CHAIN[8:40]}\n", f">1abc_A\n{CHAIN}\n")
    assert not draft.log.rejected


def test_a_permuted_domain_is_compared_in_the_order_of_its_list(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:61-90,A:1-30"))
    hold(draft, tmp_path, f">e1abcA1\n{CHAIN[60:90]}{CHAIN[:30]}\n", f">1abc_A\n{CHAIN}\n")
    assert not draft.log.rejected


def test_only_chains_that_can_be_cut_are_written(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:1-30"))
    draft.add(line("e2abcA1", pdb="2abc", seqid_range=""))
    chain_fasta = f">1abc_A\n{CHAIN}\n>2abc_A\n{CHAIN}\n>9zzz_A\n{CHAIN}\n>1ABC_A\n{CHAIN}\n>sp|P1|X\n{CHAIN}\n"
    domain_fasta = f">e1abcA1\n{CHAIN[:30]}\n>e2abcA1\n{CHAIN[:30]}\n"
    _, chains = hold(draft, tmp_path, domain_fasta, chain_fasta)
    assert chains.write(tmp_path / "chains.fasta", {"1abc_A"}, draft.log) == (1, 120)
    assert (tmp_path / "chains.fasta").read_text() == f">1abc_A\n{CHAIN}\n"
    assert draft.log.remarks[Remark.CHAIN_WITHOUT_DOMAINS] == 3
    assert dict(draft.log.rejected) == {Misfit.DUPLICATE_SEQUENCE: 1}
    with chains:
        assert (tmp_path / "staged.fasta").exists()
    assert not (tmp_path / "staged.fasta").exists()


SEVERAL = (("e1abcA1", "A"), ("e1abcB1", "B"), ("e1abcC1", "C"))


@pytest.mark.parametrize("titles", [("1abc", "1abc", "1abc"), ("1abc ligand", "1abc_A", "1abc_B"), ("1abc=x y z",)])
def test_titles_that_name_an_entry_without_its_chain_end_the_build(
    draft: Draft, line: Line, tmp_path: Path, titles: tuple[str, ...]
) -> None:
    for id_, chain in SEVERAL:
        draft.add(line(id_, chain=chain, seqid_range=f"{chain}:1-30"))
    chain_fasta = "".join(f">{title}\n{CHAIN[number:]}\n" for number, title in enumerate(titles))
    with pytest.raises(
        ReferenceDataError, match=f"name an entry of the lists and not the chain.*{titles[0]}"
    ) as caught:
        hold(draft, tmp_path, f">e1abcA1\n{CHAIN[:30]}\n", chain_fasta)
    assert "chains.fa:1" in str(caught.value)


def test_other_sequences_of_chains_that_have_one_end_the_build(draft: Draft, line: Line, tmp_path: Path) -> None:
    draft.add(line("e1abcA1", seqid_range="A:1-30"))
    chain_fasta = "".join(f">1abc_A {number}\n{CHAIN[number:]}\n" for number in range(3))
    with pytest.raises(ReferenceDataError, match=r"2 records are other sequences.*'1abc_A 1'"):
        hold(draft, tmp_path, f">e1abcA1\n{CHAIN[:30]}\n", chain_fasta)


def test_titles_with_a_space_keep_their_chains_apart(draft: Draft, line: Line, tmp_path: Path) -> None:
    for id_, chain in SEVERAL:
        draft.add(line(id_, chain=chain, seqid_range=f"{chain}:1-30"))
    chain_fasta = "".join(f">1abc {chain}\n{CHAIN[number:]}\n" for number, (_, chain) in enumerate(SEVERAL))
    _, chains = hold(draft, tmp_path, f">e1abcA1\n{CHAIN[:30]}\n", chain_fasta)
    assert chains.lengths == {"1abc_A": 120, "1abc_B": 119, "1abc_C": 118}
    assert not draft.log.rejected


@pytest.mark.parametrize("chain_fasta", ["", f">1abc_A\n{CHAIN}\n"])
def test_a_sequence_of_x_only_rejects_the_domain(draft: Draft, line: Line, tmp_path: Path, chain_fasta: str) -> None:
    draft.add(line("e1abcA1", seqid_range="A:1-30"))
    draft.add(line("e1abcA2", seqid_range="A:31-60"))
    hold(draft, tmp_path, f">e1abcA1\n{'X' * 30}\n>e1abcA2\n{'X' * 27}{CHAIN[57:60]}\n", chain_fasta)
    assert dict(draft.log.rejected) == {Misfit.BAD_SEQUENCE: 1}
    assert [bool(kept) for kept in draft.kept] == [False, True]
