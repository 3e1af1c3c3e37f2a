import pytest

from pyecod.batch import Batch, ChainUpdate
from pyecod.ids import ChainKey
from pyecod.store import sync_folder
from pyecod.store.loaded import load_status

pytestmark = pytest.mark.integration


def test_each_batch_is_told_from_what_was_loaded(store, batches, plan):
    weeks = {
        state: batches({f"{number}abc_A": plan()}, date=f"2025-09-{number:02}")
        for number, state in enumerate(("current", "changed", "damaged", "database only", "absent"), 1)
    }
    for state, path in weeks.items():
        if state != "absent":
            sync_folder(store, path)
    changed = Batch.open(weeks["changed"])
    with changed.lock():
        changed.mark([ChainUpdate(ChainKey("2abc", "A"), {"seconds": 7.5})])
    (weeks["damaged"] / "batch_manifest.yaml").write_text("chains: [")
    found = load_status(store, [path for state, path in weeks.items() if state != "database only"])
    assert {batch.batch_name: batch.state for batch in found} == {path.name: state for state, path in weeks.items()}
    assert [batch.chains for batch in found] == [1, 1, 1, 1, 0]
