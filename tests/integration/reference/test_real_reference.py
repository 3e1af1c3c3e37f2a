"""The reference of real lists, sequences and profiles."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from pyecod.errors import ReferenceDataError
from pyecod.ranges import ResidueRange
from pyecod.reference import BuildReport, Misfit, Reference, Remark, build_reference, check_reference
from pyecod.reference.groups import parse_group
from pyecod.reference.lists import DomainList, parse_segments

pytestmark = pytest.mark.integration


def test_everything_real_is_loaded(real_reference: BuildReport) -> None:
    counts = real_reference.counts
    assert counts["domains"] == counts["domain_sequences"] == 8298
    assert counts["chain_sequences"] == 3539
    assert counts["profiles"] == counts["known_profiles"] == 2169
    assert counts["domains_with_range"] == 8298 - 365
    assert counts["domains_with_group"] == 8298 - 5
    assert not real_reference.rejected
    assert real_reference.noted[Remark.NO_SEQID_RANGE] == 365
    assert real_reference.noted[Remark.NO_GROUP] == 5
    assert Remark.PROFILE_LENGTH_DIFFERS not in real_reference.noted


def test_every_list_line_can_be_looked_up(real_reference: BuildReport, real: Path) -> None:
    reference = Reference.open(real_reference.path)
    seen = 0
    for name in ("ref.domains.txt", "ecoli.domains.txt"):
        for line in DomainList(real / name, pytest.fail):
            domain = reference.domain(line.id)
            expected = ResidueRange.of(parse_segments(line.seqid_range)[0]) if line.seqid_range else ResidueRange()
            assert domain.range == expected
            assert domain.pdb_range == line.pdb_range
            assert domain.uid == line.uid
            assert (domain.f_group or domain.t_group) == parse_group(line.group)
            assert domain.length == len(expected) or not expected
            seen += 1
    assert seen == len(reference)


def test_chains_of_records_are_found_by_the_id_of_their_sequence(real_reference: BuildReport, real: Path) -> None:
    reference = Reference.open(real_reference.path)
    text = (real / "ecoli.chains.fasta").read_text()
    lengths = {
        record.split("\n", 1)[0].split()[0]: len("".join(record.split("\n")[1:])) for record in text.split(">")[1:]
    }
    assert len(lengths) == 3539
    found = 0
    for key, length in lengths.items():
        chain = reference.chain_domains(key)
        assert chain is not None
        assert chain.length == length
        assert all(1 <= r.start <= r.end <= length for r in chain.ranges)
        found += len(chain.rows)
    assert found == 6129


def test_t_groups_without_family_and_missing_names_are_handled(real_reference: BuildReport) -> None:
    reference = Reference.open(real_reference.path)
    domain = reference.domain("e1j30A1")
    assert (domain.f_group, domain.t_group) == (None, "150.1.1")
    assert set(domain.names) == {"x", "h", "t"}
    assert reference.domain("P0AC75_nD1").t_group is None
    swivelling = reference.domain("e1v7lA1")
    assert swivelling.names["x"] == 'The "swivelling" beta/beta/alpha domains'
    assert reference.group_names("101.1.3.1")["t"] == "tetra-helical, LuxR-like"


def test_a_full_check_finds_nothing(real_reference: BuildReport) -> None:
    findings = check_reference(real_reference.path)
    assert [finding.check for finding in findings] == [
        "version record", "files", "lookup", "domain database", "chain database", "profiles",
    ]  # fmt: skip
    assert {finding.state for finding in findings} == {"ok"}, findings


def test_blast_names_its_hits_by_ids_the_lookup_knows(real_reference: BuildReport, real: Path, tmp_path: Path) -> None:
    reference = Reference.open(real_reference.path)
    for fasta, prefix, known in (
        ("ref.domains.fasta", reference.domain_db, reference.rows),
        ("ecoli.chains.fasta", reference.chain_db, reference.chains),
    ):
        records = (real / fasta).read_text().split(">")[1:]
        query = tmp_path / "query.fa"
        query.write_text("".join(f">{record}" for record in random.Random(5).sample(records, 5)))
        command = ["blastp", "-query", query, "-db", prefix, "-outfmt", "6 stitle", "-evalue", "0.002"]
        titles = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
        assert len(titles) >= 5
        assert all(known([title.split()[0]])[0] >= 0 for title in titles)


def test_profiles_can_be_copied_and_then_move_with_the_reference(
    real: Path, real_profiles: Path, real_reference: BuildReport, tmp_path: Path
) -> None:
    report = build_reference(
        tmp_path / "first",
        "develop291",
        domains=[real / "ref.domains.txt"],
        domain_fasta=[real / "ref.domains.fasta"],
        hh_db=real_profiles,
        copy_hh=True,
    )
    report.path.rename(tmp_path / "moved")
    reference = Reference.open(tmp_path / "moved")
    assert reference.hh_db == tmp_path / "moved" / "hh" / "refdb"
    assert reference.hh_db_id == Reference.open(real_reference.path).hh_db_id
    assert {finding.state for finding in check_reference(tmp_path / "moved")} == {"ok", "note"}


def test_profiles_of_other_domains_are_noted_and_refused_if_none_is_known(
    real: Path, real_profiles: Path, tmp_path: Path
) -> None:
    lines = (real / "ref.domains.txt").read_text().splitlines(keepends=True)
    few, fasta = tmp_path / "few.txt", [real / "ref.domains.fasta"]
    few.write_text("".join(lines[:1500]))
    report = build_reference(tmp_path / "few", "few", domains=[few], domain_fasta=fasta, hh_db=real_profiles)
    assert report.counts["known_profiles"] == report.counts["domains"] == 1499
    assert report.noted[Remark.PROFILE_UNKNOWN] == 2169 - 1499
    assert report.rejected == {Misfit.NO_LIST_LINE: 2169 - 1499}
    with pytest.raises(ReferenceDataError, match="none of its 2169 entries"):
        build_reference(
            tmp_path / "none",
            "none",
            domains=[real / "ecoli.domains.txt"],
            domain_fasta=[real / "ecoli.domains.fasta"],
            hh_db=real_profiles,
        )


def test_the_published_samples_of_both_layouts_are_read(real: Path, tmp_path: Path) -> None:
    lists = [real / "format_v1.6_develop291.sample.txt", real / "format_develop294.sample.txt"]
    rng = random.Random(1)
    fasta = tmp_path / "domains.fa"
    with fasta.open("w") as stream:
        for path in lists:
            for line in DomainList(path, pytest.fail):
                length = len(ResidueRange.of(parse_segments(line.seqid_range)[0]))
                stream.write(f">{line.id}\n{''.join(rng.choices('ACDEFGHIKL', k=length))}\n")
    report = build_reference(tmp_path / "ref", "develop294", domains=lists, domain_fasta=[fasta])
    assert report.counts["domains"] == 7
    assert not report.rejected
    assert report.noted[Remark.OTHER_VERSION] == 1
    reference = Reference.open(report.path)
    assert reference.domain("e1udzA1").is_representative
    assert not reference.domain("e1ileA4").is_representative
    assert reference.domain("e9yiuG1").is_representative is False
    assert reference.domain("e2nmzA1").f_group == "1.1.1.3"
    bare = reference.domain("UPI00376788AD_nD1")
    assert (bare.chain_key, bare.f_group, bare.t_group, bare.length) == ("UPI00376788AD", None, "11.1.1", 100)
    assert reference.domain("e1udzA1").names == {
        "x": "cradle loop barrel", "h": "RIFT-related", "t": "acid protease",
    }  # fmt: skip
