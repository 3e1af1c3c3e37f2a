import pytest

from pyecod.errors import StoreError
from pyecod.store import Action, Strategy, import_results, sync_folder

pytestmark = pytest.mark.integration


@pytest.fixture
def week(store, batches, plan):
    sync_folder(
        store,
        batches(
            {
                "8s72_A": plan(),
                "8s72_B": plan(representative="8s72_A"),
                "9abc_C": plan(("1-110",)),
                "9abc_D": plan(("1-40",)),
                "9abc_E": plan((), sequence="G" * 80),
            }
        ),
    )


@pytest.fixture
def production(store, week, query):
    """What the production schema holds."""

    def content():
        return query(
            "SELECT p.pdb_id || '_' || p.chain_id, p.version, p.process_version, "
            "string_agg(d.range, ' ' ORDER BY domain_number) "
            "FROM prod.partition_proteins p LEFT JOIN prod.partition_domains d ON d.protein_id = p.id "
            "GROUP BY p.id ORDER BY 1, 2"
        )

    return content


def somebody_elses(store, chain, process_version):
    with store.connect() as connection:
        connection.execute(
            """
            INSERT INTO prod.partition_proteins
                   (pdb_id, chain_id, version, process_version, batch_name, release_date, reference_version,
                    sequence_length, coverage, residues_assigned, domain_count, quality, outcome, is_classified,
                    source_run_id, content_digest)
            SELECT '8s72', %s, 1, %s, 'b', '2020-01-03', 'develop200', 210, 1, 210, 1, 'good', 'assigned', true, 0, ''
            """,
            (chain, process_version),
        )


OURS = "consensus-layout 1.0"


def test_good_results_are_imported_with_their_domains_and_evidence(store, production, query):
    report = import_results(store, "prod", create=True)
    assert (report.actions, report.collisions, report.imported) == ({Action.NEW: 2}, (), 2)
    assert production() == [("8s72_A", 1, OURS, "1-90 95-200"), ("8s72_B", 1, OURS, "1-90 95-200")]
    assert query(
        "SELECT p.chain_id, e.evidence_type, e.source_id, e.evalue, e.probability FROM prod.partition_evidence e "
        "JOIN prod.partition_domains d ON d.id = e.domain_id JOIN prod.partition_proteins p ON p.id = d.protein_id "
        "WHERE chain_id = 'A' ORDER BY domain_number"
    ) == [("A", "domain_blast", "e1suaA1", 0.0, None), ("A", "hhsearch", "e1suaA2", 1e-300, 98.4)]
    assert query("SELECT DISTINCT residues_assigned, is_classified FROM prod.partition_proteins") == [(196, True)]


@pytest.mark.parametrize(("quality", "chains"), [("good", "AB"), ("questionable", "ABCD"), ("all", "ABCDE")])
def test_the_quality_filter_decides_what_comes(store, production, quality, chains):
    import_results(store, "prod", create=True, quality=quality)
    assert "".join(row[0][-1] for row in production()) == chains


@pytest.mark.parametrize("strategy", Strategy)
def test_importing_again_changes_nothing(store, production, strategy):
    import_results(store, "prod", create=True, strategy=strategy)
    before = production()
    assert import_results(store, "prod", strategy=strategy).actions == {Action.UNCHANGED: 2}
    assert production() == before


class TestCollision:
    @pytest.fixture(autouse=True)
    def changed(self, store, production, batches, plan):
        """Chain A was imported, then repaired; chain B has another program's result in the schema."""
        import_results(store, "prod", create=True)
        with store.connect() as connection:
            connection.execute("DELETE FROM prod.partition_proteins WHERE chain_id = 'B'")
        somebody_elses(store, "B", "other 3")
        repair = {"8s72_A": plan(("1-200",), made="2025-09-10T00:00:00+00:00", fields={"source_week": "20250905"})}
        sync_folder(store, batches(repair, kind="repair", date="2025-09-09"))

    def test_skip_leaves_both(self, store, production):
        before = production()
        report = import_results(store, "prod", strategy=Strategy.SKIP)
        assert report.actions == {Action.SKIPPED: 2}
        assert production() == before

    def test_overwrite_replaces_its_own_and_protects_the_others(self, store, production):
        report = import_results(store, "prod", strategy=Strategy.OVERWRITE)
        assert report.actions == {Action.OVERWRITTEN: 1, Action.PROTECTED: 1}
        assert production() == [("8s72_A", 1, OURS, "1-200"), ("8s72_B", 1, "other 3", None)]
        ((_, protected),) = [(c, c.candidate) for c in report.collisions if c.action is Action.PROTECTED]
        assert (protected.chain_id, protected.existing_process_version) == ("B", "other 3")

    def test_overwrite_replaces_another_version_that_is_named(self, store, production):
        import_results(store, "prod", strategy=Strategy.OVERWRITE, replace_versions=["other 3"])
        assert production() == [("8s72_A", 1, OURS, "1-200"), ("8s72_B", 1, OURS, "1-90 95-200")]

    def test_version_adds_beside_what_is_there(self, store, production):
        import_results(store, "prod", strategy=Strategy.VERSION)
        after = [
            ("8s72_A", 1, OURS, "1-90 95-200"), ("8s72_A", 2, OURS, "1-200"),
            ("8s72_B", 1, "other 3", None), ("8s72_B", 2, OURS, "1-90 95-200"),
        ]  # fmt: skip
        assert production() == after
        assert import_results(store, "prod", strategy=Strategy.VERSION).actions == {Action.UNCHANGED: 2}
        assert production() == after

    def test_check_imports_nothing_when_one_collides(self, store, production):
        before = production()
        report = import_results(store, "prod", strategy=Strategy.CHECK, quality="all")
        assert (report.imported, report.actions) == (0, {Action.REFUSED: 2})
        assert production() == before

    @pytest.mark.parametrize("strategy", Strategy)
    def test_a_dry_run_reports_what_the_run_then_does_and_touches_nothing(self, store, production, strategy):
        before = production()
        dry = import_results(store, "prod", strategy=strategy, dry_run=True)
        assert production() == before
        real = import_results(store, "prod", strategy=strategy)
        assert (dry.actions, dry.collisions) == (real.actions, real.collisions)

    def test_only_named_batches_are_imported(self, store, production):
        report = import_results(store, "prod", strategy=Strategy.OVERWRITE, batches=["ecod_repair_20250909"])
        assert report.actions == {Action.OVERWRITTEN: 1}


def test_fasta_results_come_only_when_their_batch_is_named(store, production, batches, plan):
    sync_folder(store, batches({"P00350": plan()}, kind="fasta", name="lab"))
    assert import_results(store, "prod", create=True).imported == 2
    assert import_results(store, "prod", batches=["lab"]).imported == 1


def test_a_missing_schema_is_not_made_by_accident(store, week):
    with pytest.raises(StoreError, match=r"no table prod\.partition_proteins .*--create"):
        import_results(store, "prod")
    assert import_results(store, "prod", create=True, dry_run=True).actions == {Action.NEW: 2}
    with pytest.raises(StoreError, match="no table"):
        import_results(store, "prod")


def test_a_dry_run_into_somebody_elses_schema_says_what_would_be_done_and_makes_nothing(store, week, query):
    """The schema is there with tables of its own; those of an import are only counted as missing."""
    with store.connect() as connection:
        connection.execute(
            "CREATE SCHEMA prod; CREATE TABLE prod.domains (id integer); INSERT INTO prod.domains VALUES (1)"
        )
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'prod'"
    dry = import_results(store, "prod", create=True, dry_run=True)
    assert (dry.dry_run, dry.actions, dry.collisions) == (True, {Action.NEW: 2}, ())
    assert query(tables) == [("domains",)]
    with pytest.raises(StoreError, match=r"no table prod\.partition_proteins"):
        import_results(store, "prod", dry_run=True)
    assert import_results(store, "prod", create=True).actions == dry.actions
    assert query("SELECT id FROM prod.domains") == [(1,)]


def test_a_dry_run_meets_a_table_that_is_somebody_elses(store, week, query):
    with store.connect() as connection:
        connection.execute("CREATE SCHEMA prod; CREATE TABLE prod.partition_domains (id integer)")
    with pytest.raises(StoreError, match=r"no table prod\.partition_proteins"):
        import_results(store, "prod", create=True, dry_run=True)
    assert query("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'prod'") == [(1,)]


def test_a_table_that_lacks_columns_is_named_with_them(store, week):
    with store.connect() as connection:
        connection.execute("CREATE SCHEMA prod; CREATE TABLE prod.partition_proteins (id integer, pdb_id text)")
    with pytest.raises(StoreError, match=r"prod\.partition_proteins lacks the columns .*chain_id"):
        import_results(store, "prod")


def test_each_chunk_is_a_transaction_of_its_own(store, production, query):
    with store.connect() as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF NEW.domain_id = '8s72_B_001' THEN RAISE 'refused here'; END IF; RETURN NEW; END $$"
        )
    import_results(store, "prod", create=True, batches=["none"])
    with store.connect() as connection:
        connection.execute(
            "CREATE TRIGGER t BEFORE INSERT ON prod.partition_domains FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    with pytest.raises(StoreError, match="refused here"):
        import_results(store, "prod", chunk_size=1)
    assert [row[0] for row in production()] == ["8s72_A"]


def test_a_schema_with_an_odd_name_is_quoted(store, week, query):
    import_results(store, "Prod$1", create=True)
    assert query('SELECT count(*) FROM "Prod$1".partition_proteins') == [(2,)]
