from pathlib import Path

import pytest

from pyecod.errors import BrokenInputError
from pyecod.ids import ChainKey
from pyecod.ranges import ResidueRange
from pyecod.simulate.truth import (
    Kind,
    TruthChain,
    TruthDomain,
    read_truth,
    read_truth_chains,
    write_truth,
    write_truth_chains,
)

REAL = Path(__file__).resolve().parents[4] / "shared" / "real" / "dev"
KEY = ChainKey("9abc", "A")


def test_tables_are_read_back_as_written(tmp_path):
    domains = (
        TruthDomain(
            KEY, 200, 1, ResidueRange.parse("3-90,150-200"), "1.1.2", "1.1", "1.1.2.7", "A:2-89", Kind.CLOSE, "x"
        ),
        TruthDomain(KEY, 200, 2, ResidueRange.parse("95-145"), None, kind=Kind.NOVEL, family="novel"),
    )
    write_truth(tmp_path / "t.tsv", domains)
    assert read_truth(tmp_path / "t.tsv") == domains
    chains = (
        TruthChain(KEY, 200, "0" * 32, True, "", 2, 1, "nested", KEY),
        TruthChain(ChainKey("9abc", "b"), 12, "1" * 32, False, "peptide"),
    )
    write_truth_chains(tmp_path / "c.tsv", chains)
    assert read_truth_chains(tmp_path / "c.tsv") == chains


def test_a_table_without_the_further_columns_gives_h_groups_from_t_groups(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text(
        "chain\tlength\tdomain_no\tseqid_range\tt_group\tlabel_from\n1a81_A\t254\t1\t1-129\t214.1.1\tSCOP\n"
    )
    (domain,) = read_truth(path)
    assert (domain.h_group, domain.f_group, domain.kind, domain.label_from) == ("214.1", None, None, "SCOP")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column 'chain'"),
        ("chain\tlength\tdomain_no\tseqid_range\n", "no column 't_group'"),
        ("chain\tlength\tdomain_no\tseqid_range\tt_group\n9abc_A\t10\t1\t1-5\n", ":2: 4 columns"),
        ("chain\tlength\tdomain_no\tseqid_range\tt_group\n9abc_A\tten\t1\t1-5\tNA\n", ":2: not a line"),
        ("chain\tlength\tdomain_no\tseqid_range\tt_group\n9abc_A\t10\t1\t5-1\tNA\n", ":2: segment"),
    ],
)
def test_what_is_no_truth_table_is_refused_with_its_line(tmp_path, text, said):
    path = tmp_path / "t.tsv"
    path.write_text(text)
    with pytest.raises(BrokenInputError) as caught:
        read_truth(path)
    assert said in str(caught.value)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real data are not beside the project")
@pytest.mark.parametrize(("name", "domains"), [("dev_inferred", 227), ("boundary_only", None)])
def test_the_tables_of_real_chains_are_read(name, domains):
    found = read_truth(REAL / f"{name}.truth.tsv")
    assert domains is None or len(found) == domains
    assert all(domain.range.end <= domain.length for domain in found)
