import pytest

from pyecod.errors import UsageError
from pyecod.store import Action, Store, Strategy, import_results
from pyecod.store.production import Candidate, _Plan


def candidate(existing=None, known=False):
    old = (9, 2, existing, 1, "good") if existing else (None,) * 5
    return Candidate(1, "8s72", "A", "ours 1.0", 2, "good", *old, is_known=known)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_new_chain_is_new_and_a_known_result_is_unchanged_under_every_strategy(strategy):
    plan = _Plan("prod", strategy, frozenset())
    assert plan.action(candidate()) is Action.NEW
    assert plan.action(candidate("ours 1.0", known=True)) is Action.UNCHANGED


@pytest.mark.parametrize(
    ("strategy", "existing", "named", "action"),
    [
        (Strategy.SKIP, "ours 1.0", (), Action.SKIPPED),
        (Strategy.VERSION, "other 3", (), Action.VERSIONED),
        (Strategy.CHECK, "ours 1.0", (), Action.REFUSED),
        (Strategy.OVERWRITE, "ours 1.0", (), Action.OVERWRITTEN),
        (Strategy.OVERWRITE, "other 3", (), Action.PROTECTED),
        (Strategy.OVERWRITE, "other 3", ("other 2",), Action.PROTECTED),
        (Strategy.OVERWRITE, "other 3", ("other 3",), Action.OVERWRITTEN),
    ],
)
def test_another_process_versions_result_is_only_touched_when_it_is_named(strategy, existing, named, action):
    assert _Plan("prod", strategy, frozenset(named)).action(candidate(existing)) is action


@pytest.mark.parametrize("schema", ["", "a b", 'x"; DROP SCHEMA pdb_update; --', "pg_catalog", "pdb_update", "x" * 64])
def test_an_impossible_schema_is_refused_before_anything_happens(schema):
    with pytest.raises(UsageError):
        import_results(Store("host=/nonexistent"), schema)


def test_an_unknown_quality_names_the_known_ones():
    with pytest.raises(UsageError, match="good, questionable, all"):
        import_results(Store("host=/nonexistent"), "prod", quality="excellent")
