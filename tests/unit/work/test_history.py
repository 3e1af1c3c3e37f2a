from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pyecod.batch import DataType, RunHistory
from pyecod.batch.record import Step
from pyecod.evidence import DomainSummary
from pyecod.ids import ChainKey
from pyecod.search import SearchOutcome
from pyecod.search.hit import EvidenceType
from pyecod.work.history import keep_searches, keep_summary

KEY = ChainKey("8s72", "A")
NOW = datetime(2025, 9, 5, tzinfo=UTC)
BOTH = (EvidenceType.DOMAIN_BLAST, EvidenceType.CHAIN_BLAST)


def outcome(*, cached: bool, key: str = "a", error: str | None = None) -> SearchOutcome:
    keys = dict.fromkeys(BOTH, key)
    return SearchOutcome("0" * 32, error, cached=BOTH if cached else (), seconds=0.0 if cached else 1.5, keys=keys)


def kept(tmp_path: Path, *outcomes: SearchOutcome) -> list[int]:
    history = RunHistory(tmp_path)
    for one in outcomes:
        keep_searches(history, Step.BLAST, [(KEY, one)], started=NOW)
    return history.numbers(DataType.BLAST, KEY)


def test_a_search_that_is_only_looked_up_again_is_no_run_of_its_own(tmp_path: Path) -> None:
    assert kept(tmp_path / "a", outcome(cached=False), outcome(cached=True)) == [1]
    assert kept(tmp_path / "b", outcome(cached=True)) == [1]  # of another batch: this one's first
    assert kept(tmp_path / "c", outcome(cached=False), outcome(cached=False)) == [1, 2]
    assert kept(tmp_path / "d", outcome(cached=False), outcome(cached=True, key="other")) == [1, 2]
    assert kept(tmp_path / "e", outcome(cached=False, error="killed"), outcome(cached=True)) == [1, 2]


def test_a_summary_is_kept_with_its_counts_and_checksum(tmp_path: Path) -> None:
    history = RunHistory(tmp_path)
    summary = DomainSummary(KEY, 100, (), found={EvidenceType.HHSEARCH: 7}, reference_version="develop291")
    keep_summary(history, summary, "0" * 32, started=NOW, checksum="f" * 64, file="summaries/8s72_A.summary.xml")
    run = history.current(DataType.SUMMARY, KEY)
    assert run is not None
    assert run.result["found"] == {"hhsearch": 7}
    assert run.result["kept"] == {"hhsearch": 0}
    assert run.result["sha256"] == "f" * 64
    assert history.path(DataType.SUMMARY, KEY, 1).name == "run1_chain2summary.json"
