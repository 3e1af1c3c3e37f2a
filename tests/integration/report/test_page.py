"""The page as a person meets it, in a headless browser: search, sort, unfold, hover, safe from what it shows."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import pytest

from pyecod.batch import Batch
from pyecod.report import gather_report, pymol_script, write_report

pytestmark = pytest.mark.integration


class Page(Protocol):
    """What the tests use of the browser's page."""

    errors: list[str]
    requests: list[str]

    def call(self, method: str, **parameters: Any) -> Any: ...
    def open(self, path: Path, fragment: str = "") -> None: ...
    def run(self, script: str) -> Any: ...
    def wait(self, condition: str) -> None: ...
    def move(self, selector: str) -> None: ...
    def type(self, text: str) -> None: ...


OpenPage = Callable[[], Page]


@pytest.fixture(scope="module")
def batch(batch_of: Callable[..., Batch]) -> Batch:
    """A week of 2,000 chains."""
    made = batch_of(2000, copies=4)
    write_report(made)
    return made


@pytest.fixture
def page(browser: OpenPage, batch: Batch) -> Page:
    """Its report, opened."""
    opened = browser()
    opened.open(batch.path / "report" / "index.html")
    return opened


def visible(page: Page) -> list[str]:
    """Ids of the rows that are not filtered out, in their order."""
    return list(page.run("[...document.querySelectorAll('.row')].filter(r => !r.hidden).map(r => r.id)"))


def search(page: Page, words: str) -> None:
    page.run("(s => { s.value = ''; s.focus() })(document.getElementById('search'))")
    page.type(words)
    page.wait(f"document.getElementById('search').value === {json.dumps(words)}")
    page.run("new Promise(done => setTimeout(done, 300))")


def test_the_page_shows_every_chain_without_errors_and_asks_nobody(page: Page, batch: Batch) -> None:
    assert visible(page) == sorted(batch.manifest.chains)
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith("file:")] == []
    assert len(page.requests) == 1


def test_totals_are_those_of_the_manifest(page: Page, batch: Batch) -> None:
    counters = batch.counters()
    shown = dict(
        page.run(
            "[...document.querySelectorAll('.tile')].map(t => [t.children[1].textContent, t.children[0].textContent])"
        )
    )
    assert shown["chains"] == f"{counters.chains:,}"
    assert shown["domains"] == f"{counters.domains:,}"
    assert shown["failed"] == f"{counters.failed:,}"


def test_search_finds_chains_by_any_words_about_them(page: Page, batch: Batch) -> None:
    report = gather_report(batch)
    search(page, "2002.3.1 conflict")
    expected = [
        str(c.key)
        for c in report.chains
        if c.partition
        and any(d.t_group == "2002.3.1" for d in c.partition.domains)
        and any("conflict" in d.flags for d in c.partition.domains)
    ]
    assert visible(page) == expected
    assert 0 < len(expected) < 200
    search(page, str(report.chains[7].key).lower())
    assert str(report.chains[7].key) in visible(page)
    search(page, "nothing is called that")
    assert visible(page) == []
    page.run("document.getElementById('clear').click()")
    assert len(visible(page)) == 2000


def test_filters_and_reasons_narrow_the_table(page: Page, batch: Batch) -> None:
    failed = sorted(key for key, record in batch.manifest.chains.items() if record.is_failed)
    page.run("document.querySelector('[data-state=failed]').click()")
    assert visible(page) == failed
    page.run("document.getElementById('clear').click()")
    page.run("[...document.querySelectorAll('[data-search]')].find(b => b.textContent.includes('hhblits')).click()")
    assert visible(page) == failed
    page.run("document.getElementById('clear').click()")
    page.run("document.getElementById('once').click()")
    assert len(visible(page)) == len({r.sequence_md5 for r in batch.manifest.chains.values()})


@pytest.mark.parametrize(("column", "value"), [(1, "sequence_length"), (3, "partition_coverage"), (7, "seconds")])
def test_a_click_on_a_heading_sorts_and_another_turns_round(page: Page, batch: Batch, column: int, value: str) -> None:
    records = batch.manifest.chains
    for turn in (1, -1):
        page.run(f"document.querySelector('[data-sort=\"{column}\"]').click()")
        values = [getattr(records[name], value) for name in visible(page)]
        known = [v for v in values if v is not None]
        assert known == sorted(known, reverse=turn == 1)
        assert values[len(known) :] == [None] * (len(values) - len(known))


def test_names_sort_upwards_first(page: Page) -> None:
    page.run("document.querySelector('[data-sort=\"0\"]').click()")
    names = visible(page)
    assert names[0] < names[-1]
    page.run("document.querySelector('[data-sort=\"0\"]').click()")
    assert visible(page)[0] > visible(page)[-1]


def unfolded(page: Page, batch: Batch, names: list[str]) -> None:
    for name in names:
        page.run(f"document.getElementById({json.dumps(name)}).open = true")
        page.wait(f"document.getElementById({json.dumps(name)}).querySelector('.picture svg')")


def with_domains(batch: Batch) -> list[str]:
    report = gather_report(batch)
    return [str(c.key) for c in report.chains if c.partition and len(c.partition.domains) > 2]


def test_a_row_unfolds_to_its_picture_and_domains(page: Page, batch: Batch) -> None:
    name = with_domains(batch)[-1]
    (chain,) = [c for c in gather_report(batch).chains if str(c.key) == name]
    assert chain.partition is not None
    unfolded(page, batch, [name])
    cells = page.run(
        f"[...document.getElementById('{name}').querySelectorAll('.domains tr:not(.why)')].slice(1)"
        ".map(r => [r.children[1].textContent, r.children[2].textContent])"
    )
    assert cells == [
        [str(d.range).replace(",", ", "), chain.pdb_range(d.number).replace(",", ", ")] for d in chain.partition.domains
    ]
    assert page.run(f"document.getElementById('{name}').querySelectorAll('.picture').length") == 1
    link = f"document.getElementById('{name}').querySelector('.facts a').href"
    assert page.run(link) == f"https://www.rcsb.org/structure/{chain.key.entry_id.upper()}"


def test_identical_chains_share_one_picture_but_have_their_own_author_ranges(page: Page, batch: Batch) -> None:
    first = with_domains(batch)[0]
    record = batch.manifest.chains[first]
    copies = [k for k, r in batch.manifest.chains.items() if r.sequence_md5 == record.sequence_md5 and r.files][:2]
    unfolded(page, batch, copies)
    pictures = [page.run(f"document.getElementById('{n}').querySelector('.picture').dataset.picture") for n in copies]
    assert pictures[0] == pictures[1]
    cells = [page.run(f"document.getElementById('{n}').querySelectorAll('.domains td')[2].textContent") for n in copies]
    assert [cell.split(":")[0] for cell in cells] == [name.rpartition("_")[2] for name in copies]


def test_pointing_at_a_domain_tells_its_numbers(page: Page, batch: Batch) -> None:
    name = with_domains(batch)[3]
    unfolded(page, batch, [name])
    page.move(f"[id='{name}'] .picture svg g")
    page.wait("!document.getElementById('tip').hidden")
    text = page.run("document.getElementById('tip').textContent")
    assert re.search(r"residues \d+-\d+", text)
    assert re.search(r"author -?\d+", text)


def test_the_scripts_of_a_chain_can_be_downloaded(page: Page, batch: Batch) -> None:
    name = with_domains(batch)[5]
    (chain,) = [c for c in gather_report(batch).chains if str(c.key) == name]
    assert chain.partition is not None
    assert chain.numbering is not None
    unfolded(page, batch, [name])
    href = page.run(f"document.getElementById('{name}').querySelector('.files a').href")
    assert unquote(href.partition(",")[2]) == pymol_script(chain.key, chain.partition, chain.numbering)


def test_the_address_of_a_chain_opens_its_row(browser: OpenPage, batch: Batch) -> None:
    name = with_domains(batch)[-2]
    page = browser()
    page.open(batch.path / "report" / "index.html", f"#{name}")
    page.wait(f"document.getElementById('{name}').querySelector('.picture svg')")
    box = page.run(f"document.getElementById('{name}').getBoundingClientRect().top")
    assert 0 <= box <= 1000


def test_hostile_text_is_shown_and_never_run(page: Page) -> None:
    search(page, "alert")
    (first, *_) = visible(page)
    page.run(f"document.getElementById('{first}').open = true")
    page.wait(f"document.getElementById('{first}').querySelector('.facts')")
    assert page.run(f"document.getElementById('{first}').querySelector('.facts b').textContent").startswith("<script>")
    assert page.run(f"document.getElementById('{first}').querySelectorAll('script').length") == 0
    assert page.errors == []


def test_scripts_that_are_not_the_pages_own_do_not_run(page: Page) -> None:
    page.run("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.run("window.ran === undefined") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_ground_in_light_and_dark(page: Page, scheme: str) -> None:
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def luminance(what: str) -> float:
        channels = [int(n) / 255 for n in re.findall(r"\d+", page.run(f"getComputedStyle({what})"))[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ground = luminance("document.body).backgroundColor + (''")
    for text in ("document.body", "document.querySelector('.sub')", "document.querySelector('button.search')"):
        bright, dim = sorted((ground, luminance(f"{text}).color + (''")), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, text


def test_the_page_prints(page: Page, tmp_path: Path) -> None:
    page.run("document.querySelector('[data-state=failed]').click()")
    data = base64.b64decode(page.call("Page.printToPDF", printBackground=True)["data"])
    assert data.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 12
