"""Batches on disk as the pipeline leaves them, of any size, and a headless browser to look at their pages."""

from __future__ import annotations

import base64
import json
import random
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, BatchHeader, ChainRecord, EntryRecord, Status
from pyecod.evidence import DomainSummary, write_summary
from pyecod.files import sha256_of
from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Flag, Outcome, Partition, Quality, Unassigned, UnassignedReason
from pyecod.partition.xml import write_partition
from pyecod.pdb import save_entry
from pyecod.pdb.chain import CannotClassify, Chain, Entry, Numbering, NumberingRun, sequence_md5
from pyecod.ranges import ResidueRange
from pyecod.search.hit import EvidenceType, Hit, Hsp, Segment
from pyecod.settings import Settings
from tests.chromium import DevTools, debugging_port, start_chromium

VERSION, TIME = "develop291", "2025-09-05T10:00:00+00:00"
HOSTILE = "<script>alert('x')</script> & \"quoted\" ]]> </script>"
GROUPS = [f"{x}.{h}.1" for x in (1, 11, 101, 110, 304, 2002, 2003, 2484, 7579) for h in (1, 2, 3)]


class Sequence:
    """One invented sequence with its partition and its evidence."""

    def __init__(self, dice: random.Random) -> None:
        self.length = min(1800, int(dice.lognormvariate(5.5, 0.55)) + 30)
        self.letters = "".join(dice.choices("ACDEFGHIKLMNPQRSTVWY", k=self.length))
        self.partition = self._partition(dice)
        self.hits = tuple(self._hits(dice))

    def _partition(self, dice: random.Random) -> Partition:
        domains: list[Domain] = []
        unassigned: list[Unassigned] = []
        if dice.random() < 0.12:
            region = Unassigned(ResidueRange.of([(1, self.length)]), UnassignedReason.NO_EVIDENCE)
            return self._result(Outcome.NO_EVIDENCE, Quality.NO_DOMAINS, (), (region,))
        start = dice.randint(1, 12)
        if start > 5:
            unassigned.append(Unassigned(ResidueRange.of([(1, start - 1)]), UnassignedReason.TAG))
        while start + 40 < self.length:
            end = min(self.length - dice.randint(0, 6), start + max(40, int(dice.gauss(150, 50))))
            spans = [(start, end)]
            if end - start > 160 and dice.random() < 0.4:  # with one domain inserted into the other
                spans = [(start, start + 50), (end - 40, end)]
                domains.append(self._domain(dice, [(start + 56, end - 46)]))
            domains.append(self._domain(dice, spans))
            gap = dice.choice([1, 4, 12, 60])
            if gap > 30 and end + gap < self.length:
                region = ResidueRange.of([(end + 1, end + gap)])
                unassigned.append(Unassigned(region, UnassignedReason.LINKER))
            start = end + gap + 1
        domains.sort(key=lambda d: d.range.start)
        numbered = tuple(self._numbered(i, domain) for i, domain in enumerate(domains, 1))
        covered = sum(len(d.range) for d in numbered) / self.length
        quality = Quality.GOOD if covered >= 0.8 else Quality.LOW_COVERAGE if covered >= 0.5 else Quality.FRAGMENTARY
        return self._result(Outcome.ASSIGNED, quality, numbered, tuple(unassigned))

    def _domain(self, dice: random.Random, spans: list[tuple[int, int]]) -> Domain:
        group = dice.choice(GROUPS)
        flags = [Flag.DISCONTINUOUS] if len(spans) > 1 else []
        return Domain(
            number=1,
            range=ResidueRange.of(spans),
            ecod_domain=f"e{dice.randint(1000, 9999)}A1",
            t_group=group,
            h_group=group.rpartition(".")[0],
            x_group=group.split(".")[0],
            source=dice.choice(list(EvidenceType)),
            f_group=f"{group}.{dice.randint(1, 9)}" if dice.random() < 0.9 else None,
            names={"x": "Rossmann-like", "h": "NAD(P)-binding", "t": f"Fold of {group}", "f": "Adh_short"},
            evalue=dice.choice([0.0, 10 ** -dice.uniform(3, 90)]),
            reference_coverage=dice.uniform(0.6, 1),
            support=dice.randint(1, 900),
            flags=tuple(flags + ([Flag.CONFLICT] if dice.random() < 0.03 else [])),
            explanation="best of 12 candidates here",
        )

    @staticmethod
    def _numbered(number: int, domain: Domain) -> Domain:
        return replace(domain, number=number)

    def _result(
        self, outcome: Outcome, quality: Quality, domains: tuple[Domain, ...], unassigned: tuple[Unassigned, ...]
    ) -> Partition:
        return Partition(self.length, outcome, quality, domains, unassigned, {}, VERSION, "pyecod", "0.1.0")

    def _hits(self, dice: random.Random) -> Iterator[Hit]:
        for kind, most in (
            (EvidenceType.CHAIN_BLAST, 20),
            (EvidenceType.DOMAIN_BLAST, 60),
            (EvidenceType.HHSEARCH, 16),
        ):
            for domain in self.partition.domains:
                for _ in range(dice.randint(1, most)):
                    segments, target = [], 1
                    for a, b in domain.range.segments:
                        a, b = a + dice.randint(0, 5), b - dice.randint(0, 5)
                        segments.append(Segment(a, b, target, target + b - a))
                        target += b - a + 1
                    profile = kind is EvidenceType.HHSEARCH
                    hsp = Hsp(
                        tuple(segments),
                        evalue=float(f"{10 ** -dice.uniform(3, 90):.2g}"),
                        probability=round(dice.uniform(50, 100), 1) if profile else None,
                    )
                    name = f"{dice.randint(1000, 9999)}_A" if kind is EvidenceType.CHAIN_BLAST else domain.ecod_domain
                    yield Hit(kind, name, target, (hsp,))


def make_batch(base: Path, chains: int, *, copies: int = 5, seed: int = 7) -> Batch:
    """A weekly batch of about ``chains`` chains in entries of ``copies`` identical ones; some fail."""
    dice = random.Random(seed)
    header = BatchHeader.new(
        "ecod_weekly_20250905",
        "weekly",
        Settings(),
        release_date="2025-09-05",
        reference_version=VERSION,
        reference_id=f"{VERSION}-0123456789ab",
        tool_versions={"blastp": "2.12.0+", "hhsearch": "3.3.0", "pyecod": "0.1.0"},
    )
    base.mkdir(parents=True, exist_ok=True)
    path = base / header.batch_name
    for folder in ("entries", "summaries", "partitions"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    entries, records = [], []
    for number in range(-(-chains // copies)):
        pdb_id = f"{1 + number % 9}{number:03x}"[:4].ljust(4, "z")
        title = HOSTILE if number == 0 else f"Crystal structure of protein {number}"
        made = _entry(dice, path, pdb_id, title, copies, number)
        entries.append(
            EntryRecord(
                pdb_id, Status.COMPLETE, chain_count=len(made), title=title, method="X-RAY DIFFRACTION", resolution=1.85
            )
        )
        records += made
    entries.append(EntryRecord("9zzz", Status.FAILED, failure_reason="there is no mmCIF file for the entry"))
    return Batch.create(base, header, entries=entries, chains=records)


def _entry(dice: random.Random, path: Path, pdb_id: str, title: str, copies: int, number: int) -> list[ChainRecord]:
    sequence = Sequence(dice)
    offset = dice.randint(-8, 40)
    numbering = Numbering((NumberingRun(3, offset, sequence.length - 4),))
    names = [chr(65 + i) for i in range(copies)] if copies <= 26 else [f"A{i}" for i in range(copies)]
    chains = [Chain(ChainKey(pdb_id, name), sequence.letters, numbering=numbering) for name in names]
    if number % 9 == 3:
        dna = Chain(ChainKey(pdb_id, "z"), "ACGT" * 6, cannot_classify=CannotClassify.NUCLEIC_ACID)
        chains[-1] = dna
    save_entry(Entry(pdb_id, tuple(chains), title), path / "entries")
    first = chains[0].key
    return [_record(dice, path, chain, first, sequence, number) for chain in chains]


def _record(
    dice: random.Random, path: Path, chain: Chain, first: ChainKey, sequence: Sequence, number: int
) -> ChainRecord:
    record = ChainRecord(chain.key, chain.length, sequence_md5(chain.sequence), representative=str(first))
    if chain.cannot_classify:
        record.can_classify, record.cannot_classify_reason, record.representative = False, "nucleic_acid", None
        record.blast_status = record.hhsearch_status = record.partition_status = Status.NOT_NEEDED
        return record
    record.blast_status = Status.COMPLETE
    if number % 17 == 5:
        record.hhsearch_status, record.failed_step = Status.FAILED, "hhsearch"
        record.failure_reason = f"{chain.key}: hhblits was killed (signal 9) after 3600 s"
        return record
    summary_path = path / "summaries" / f"{first.file_stem}.summary.xml"
    counts = {kind: sum(hit.type is kind for hit in sequence.hits) for kind in EvidenceType}
    if chain.key == first:
        found = {kind: count + 3 for kind, count in counts.items()}
        write_summary(
            summary_path, DomainSummary(first, sequence.length, sequence.hits, sequence.letters, found, VERSION)
        )
    partition_path = path / "partitions" / f"{chain.key.file_stem}.partition.xml"
    write_partition(partition_path, sequence.partition, chain, timestamp=TIME, summary_sha256=sha256_of(summary_path))
    record.hhsearch_status = record.partition_status = Status.COMPLETE
    record.partition_coverage = sequence.partition.coverage
    record.partition_outcome = str(sequence.partition.outcome)
    record.partition_quality = str(sequence.partition.quality)
    record.domain_count = len(sequence.partition.domains)
    record.algorithm_version, record.seconds = "0.1.0", round(dice.expovariate(1 / 40), 1)
    record.files = {"summary": str(summary_path.relative_to(path)), "partition": str(partition_path.relative_to(path))}
    record.evidence = {
        kind.value: {"found": n + 3, "kept": n, "considered": n - n // 20, "accepted": n // 2, "weak": n // 20}
        for kind, n in counts.items()
    }
    return record


@pytest.fixture(scope="session")
def batch_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Batch]:
    """Make a batch of so many chains."""

    def make(chains: int, **options: int) -> Batch:
        return make_batch(tmp_path_factory.mktemp("batches"), chains, **options)

    return make


class Page(DevTools):
    """One page in a headless Chromium; errors of the page and its requests are noted."""

    def __init__(self, url: str, width: int = 1340, height: int = 1000) -> None:
        super().__init__(url)
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def note(self, message: dict[str, Any]) -> None:
        """Requests and errors."""
        event, details = message.get("method"), message.get("params", {})
        if event == "Network.requestWillBeSent":
            self.requests.append(details["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(str(details["exceptionDetails"]))
        elif event == "Log.entryAdded" and details["entry"]["level"] == "error":
            self.errors.append(details["entry"]["text"])

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file and wait until it is shown."""
        self.call("Page.navigate", url=path.as_uri() + fragment)
        self.wait("document.readyState === 'complete' && document.getElementById('shown').textContent !== ''")

    def run(self, script: str) -> Any:
        """Value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.05)

    def move(self, selector: str) -> None:
        """Point at the middle of an element."""
        self.run(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
        x, y = self.run(
            f"(r => [r.x + r.width / 2, r.y + r.height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path, *, dark: bool = False, whole: bool = False) -> None:
        """Screenshot as PNG."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        time.sleep(0.2)
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Page]]:
    """Opens new pages of a headless Chromium; skipped where none is installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed (Debian: chromium)")
    profile = tmp_path_factory.mktemp("chromium")
    process = start_chromium(program, profile)
    try:
        port = debugging_port(profile, process)
        yield lambda: Page(_new_page(port))
    finally:
        process.terminate()
        process.wait(timeout=30)


def _new_page(port: int) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return str(json.load(answer)["webSocketDebuggerUrl"])
