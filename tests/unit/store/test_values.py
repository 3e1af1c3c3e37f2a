import datetime
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pyecod.batch import ChainRecord
from pyecod.ids import ChainKey
from pyecod.partition import REASONS
from pyecod.store.migrations import sql_folder
from pyecod.store.rows import ChainRow
from pyecod.store.values import CHAIN_STATUS, DOMAIN, EVIDENCE, RUN, RUN_COLUMNS, PartitionValues, chain_values

DAY = datetime.date(2025, 9, 5)


def row(partition, **changes):
    record = ChainRecord(ChainKey("8s72", "N"), partition.length, "0" * 32)
    ranges = tuple(f"N:{d.range}" for d in partition.domains)
    return replace(ChainRow(record, DAY, partition, ranges, created="2025-09-05T12:00:00+00:00"), **changes)


def partition_of(batches, plan, **options):
    from pyecod.partition.xml import read_partition

    path = batches({"8s72_N": plan(**options)})
    return read_partition(path / "partitions" / "8s72_N.partition.xml").partition


def test_every_column_has_its_value(batches, plan):
    partition = partition_of(batches, plan)
    values = PartitionValues()
    record = ChainRecord(ChainKey("8s72", "N"), 210, "0" * 32, files={"partition": "p.xml", "fasta": "f.fa"})
    chain = dict(
        zip(CHAIN_STATUS, chain_values(record, DAY, "b", "2025-09-05T08:00:00+00:00", record.files), strict=True)
    )
    assert chain["partition_path"] == "p.xml"
    assert chain["fasta_path"] == "f.fa"
    assert chain["hhsearch_path"] is None
    assert chain["is_representative"] is True
    assert chain["updated_at"] == "2025-09-05T08:00:00+00:00"
    run = dict(zip(RUN_COLUMNS, values.run(row(partition)), strict=True))
    assert (run["outcome"], run["domain_count"], run["sequence_length"]) == ("assigned", 2, 210)
    first = dict(zip(DOMAIN, values.domains(row(partition), 7)[0], strict=True))
    assert (
        first | {"run_id": 7, "domain_id": "8s72_N_001", "range": "1-90", "evalue": 0.0, "pdb_range": "N:1-90"} == first
    )
    evidence = [dict(zip(EVIDENCE, r, strict=True)) for r in values.evidence(row(partition), 7)]
    assert {e["evidence_type"]: e["found"] for e in evidence} == {"chain_blast": 0, "domain_blast": 12, "hhsearch": 7}


def test_a_chain_without_a_partition_has_no_run():
    record = ChainRecord(ChainKey("8s72", "N"), 210, "0" * 32)
    assert PartitionValues().run(ChainRow(record, DAY)) == (None,) * len(RUN)


def test_the_digest_ignores_when_and_where_a_result_was_made(batches, plan):
    partition = partition_of(batches, plan)
    values = PartitionValues()
    here = values.digest(row(partition))
    assert values.digest(row(partition, created="2026-01-01T00:00:00+00:00", accepted=False)) == here
    assert values.digest(row(replace(partition, domains=tuple(partition.domains)))) == here


@given(
    st.sampled_from(
        [
            {"t_group": "1.1.2"},
            {"evalue": 1e-200},
            {"reference_coverage": 0.91},
            {"f_group": None},
            {"support": 4},
            {"flags": ("partial",)},
        ]
    )
)
def test_any_change_of_a_domain_changes_the_digest(change):
    partition = _partition()
    changed = replace(partition, domains=(replace(partition.domains[0], **change), *partition.domains[1:]))
    values = PartitionValues()
    assert values.digest(row(partition)) != values.digest(row(changed))


def test_another_author_numbering_changes_the_digest():
    partition = _partition()
    values = PartitionValues()
    assert values.digest(row(partition)) != values.digest(row(partition, pdb_ranges=("N:2-91", "N:96-201")))


def _partition():
    from pyecod.partition.model import Domain, Outcome, Partition, Quality
    from pyecod.ranges import ResidueRange
    from pyecod.search.hit import EvidenceType

    domains = tuple(
        Domain(n, ResidueRange.parse(r), f"e1suaA{n}", "1.1.1", "1.1", "1", EvidenceType.HHSEARCH, f_group="1.1.1.1")
        for n, r in enumerate(("1-90", "95-200"), 1)
    )
    return Partition(210, Outcome.ASSIGNED, Quality.GOOD, domains, (), {}, "develop291", "a", "1")


def test_the_database_knows_every_reason_and_says_what_it_means():
    text = (sql_folder() / "0012_unassigned_regions.sql").read_text()
    assert "; ".join(f"{reason}: {meaning}" for reason, meaning in REASONS.items()) in text
    assert re.findall(r'@ == "(\w+)"', text) == [str(reason) for reason in REASONS]
