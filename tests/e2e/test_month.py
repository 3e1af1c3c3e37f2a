"""A month of an installation: four releases by schedule, a bad one among them, an alert, a repair from the UI's form.

``make pictures`` keeps pictures of it, which docs/operations.md shows.
"""

from __future__ import annotations

import datetime
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pyecod.batch import Batch, repair_name
from tests.e2e.installation import Platform, installed, stop, wait_until

pytestmark = pytest.mark.e2e

WEEKS = 4
BAD = 1  # the week whose profile searches are killed
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

# as a machine does that runs out of memory
FAULTY = """#!/bin/sh
case "$*" in *" -i "*|"-i "*) test -e {fault} && kill -9 $$ ;; esac
exec {program} "$@"
"""

# the tests run in the order they stand here, as the weeks pass


@dataclass
class Month:
    """The installation, and a PDB that grows week by week."""

    platform: Platform
    worlds: list[Any]
    fault: Path

    @property
    def home(self) -> Path:
        return self.platform.home

    @property
    def days(self) -> tuple[datetime.date, ...]:
        """The days of the releases."""
        dates: tuple[datetime.date, ...] = self.worlds[-1].dates
        return dates

    def name(self, week: int) -> str:
        """The batch of a week."""
        return f"ecod_weekly_{self.days[week]:%Y%m%d}"

    def batch(self, week: int) -> Batch:
        return Batch.open(self.platform.base_path / self.name(week))

    def release(self, week: int) -> None:
        """The PDB publishes: a mirror as of this week, then its lists."""
        shutil.rmtree(self.home / "mirror", ignore_errors=True)
        shutil.copytree(self.worlds[week].mirror, self.home / "mirror")
        lists = f"{self.days[week]:%Y%m%d}"
        shutil.copytree(self.worlds[week].status_dir / lists, self.home / "status" / lists)

    def scheduled_run(self) -> str:
        """The weekly schedule, changed as in the UI, strikes in some seconds: the run it makes."""
        deployment = self.platform.deployment("update-weeks/weekly")
        (schedule,) = [s for s in deployment["schedules"] if s["slug"] == "release"]
        path = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
        while True:
            start = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=6)
            weekly = {"interval": 7 * 24 * 3600, "anchor_date": start.isoformat()}
            self.platform.api("PATCH", path, json={"active": True, "schedule": weekly})
            while (
                datetime.datetime.now(datetime.UTC) < start
            ):  # else the scheduler looked too late: the next is in a week
                for run in self.platform.runs("update-weeks"):
                    due = datetime.datetime.fromisoformat(run["expected_start_time"])
                    if run["auto_scheduled"] and abs(due - start) < datetime.timedelta(seconds=1):
                        return str(run["id"])
                time.sleep(0.5)

    def week_passes(self, week: int) -> dict[str, Any]:
        """A release appears, the schedule strikes, the run ends, and so does the sync that follows it."""
        self.release(week)
        return self.run_passes()

    def run_passes(self, meanwhile: Callable[[str], None] = lambda run: None) -> dict[str, Any]:
        """The schedule strikes, the run ends, and so does the sync that follows it."""
        before = self.syncs()
        run = self.scheduled_run()
        meanwhile(run)
        ended = self.platform.wait(run, *ENDED, seconds=240)
        assert ended["state"]["type"] == "COMPLETED", ended["state"]
        wait_until(lambda: self.syncs() == before + 1, 90, "the sync that follows")
        return ended

    def syncs(self) -> int:
        """How many have ended, all of them well."""
        ended = [r for r in self.platform.runs("sync") if r["state"]["type"] in ENDED]
        assert all(r["state"]["type"] == "COMPLETED" for r in ended), ended
        return len(ended)

    def server_restarts(self, run: str) -> None:
        """Once the run is at work."""
        self.platform.wait(run, "RUNNING", seconds=120)
        with self.platform.without_server():
            time.sleep(5)

    def artifact(self, key: str) -> str:
        """Address of the newest artifact with this key in the UI."""
        asked = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"}
        found = self.platform.api("POST", "/artifacts/filter", json=asked)
        return f"{self.platform.url}/artifacts/artifact/{found[0]['id']}"


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Month]:
    """Four weeks up to now: each world is the PDB as it was in that week."""
    from pyecod.reference import build_reference
    from pyecod.simulate import WorldOptions, simulate_world

    if shutil.which("hhsearch") is None:
        pytest.skip("HH-suite is not installed (run `make setup`)")
    home = tmp_path_factory.mktemp("month")
    today = datetime.datetime.now(datetime.UTC).date()
    friday = today - datetime.timedelta(days=(today.weekday() - 4) % 7)
    start = friday - datetime.timedelta(weeks=WEEKS - 1)
    worlds = [
        simulate_world(
            home / f"world{n}",
            WorldOptions(seed=7, families=12, entries=20, weeks=n, start_date=start, profiles=n == 1),
        )
        for n in range(1, WEEKS + 1)
    ]
    build_reference(
        home / "reference",
        worlds[0].options.version,
        domains=[worlds[0].domain_list],
        domain_fasta=[worlds[0].domain_fasta],
        chain_fasta=[worlds[0].chain_fasta],
        hh_db=worlds[0].hh_db,
    )
    (home / "status").mkdir()
    (home / "mirror").mkdir()
    programs = home / "programs"
    programs.mkdir()
    program = programs / "hhsearch"
    program.write_text(FAULTY.format(fault=home / "fault", program=shutil.which("hhsearch")))
    program.chmod(0o755)
    settings = {
        "base_path": str(home / "batches"),
        "status_dir": str(home / "status"),
        "mirror": str(home / "mirror"),
        "reference": str(home / "reference"),
        "run": {"retry_delay": 0, "retries": 1},
        "search": {"cache_dir": str(home / "cache")},
        "scratch": {"dir": str(home / "scratch")},
        "alerts": {"disk_gib": 0, "scratch_gib": 0},  # this machine's disks are no part of the story
    }
    with installed(home, settings, path=str(programs)) as platform:
        browser.open(f"{platform.url}/")
        browser.evaluate("localStorage.setItem('prefect-password', btoa('pyecod:canary-of-the-api'))")
        yield Month(platform, worlds, home / "fault")


def test_the_doctor_is_content(month: Month) -> None:
    told = json.loads(month.platform.run("pyecod", "doctor", "--json").stdout)
    states = {finding["check"]: finding["state"] for finding in told["findings"]}
    assert {states[check] for check in ("prefect server", "clock", "database", "reference", "mirror")} == {"ok"}


def test_a_week_that_did_not_come_is_told(month: Month, receiver: Any, tmp_path: Path) -> None:
    address = tmp_path / "address"
    address.write_text(receiver.url + "\n")
    month.platform.run("pyecod", "alerts", "apply", "--to", str(address))

    def told() -> Any:  # the server needs some seconds to know a new automation, and the watch comes every hour
        month.platform.wait(month.platform.start_run("watch/hourly"), "COMPLETED")
        return receiver.find("weekly run")

    message = wait_until(told, 60, "the message that no week came")
    assert "no weekly batch is complete for a release after" in message["body"]
    assert "none at all" in message["body"]


def test_the_first_week_is_done_by_schedule(month: Month) -> None:
    run = month.week_passes(0)
    assert run["created_by"]["type"] == "SCHEDULE"
    counters = month.batch(0).counters()
    assert counters.done == counters.classifiable > 20
    assert counters.entries_failed == 0
    (log,) = month.batch(0).paths.logs.glob("*.log")
    assert "chains done" in log.read_text()


def test_a_bad_week_announces_itself(month: Month, receiver: Any, browser: Any) -> None:
    month.fault.touch()
    month.week_passes(BAD)
    counters = month.batch(BAD).counters()
    assert counters.failed > 0.1 * counters.classifiable
    message = wait_until(lambda: receiver.find(month.name(BAD), "chains failed ("), 60, "the message about the week")
    assert f"{counters.failed} of {counters.classifiable} chains failed" in message["body"]
    assert "hhsearch was killed" in message["body"]
    (log,) = month.batch(BAD).paths.logs.glob("*.log")
    assert log.read_text().count("\nfailed  ") == counters.failed
    browser.open(receiver.url)
    browser.wait_for("chains failed")
    browser.picture("month-1-messages")
    browser.open(month.artifact("weekly-summary"))
    browser.wait_for("Worth attention")
    browser.picture("month-2-bad-week")


def test_it_is_repaired_from_the_form(month: Month, browser: Any) -> None:
    month.fault.unlink()
    day = month.days[BAD]
    browser.resize(1850)
    browser.open(f"{month.platform.url}/deployments/deployment/{month.platform.deployment('repair/adhoc')['id']}/run")
    browser.wait_for("More choices")
    assert "Search BLAST again (Optional)" not in browser.text
    browser.type_into(of_field("Reason", "select"), "error")
    browser.click("[...document.querySelectorAll('.p-select-option')].find(e => e.innerText.trim() === 'error_fix')")
    browser.click(of_field("Releases", "button", "Add item"))
    browser.type_into(of_field("Releases", "input[type=date]"), f"{day:%m%d%Y}")
    browser.click(of_field("Failed chains", "[role=switch]"))
    browser.evaluate("window.scrollTo(0, 0)")
    browser.picture("month-3-repair-form")
    browser.resize()
    browser.click("document.querySelector('button[type=submit]')")
    (run,) = wait_until(lambda: month.platform.runs("repair"), 30, "the repair that was asked for")
    asked = {name: value for name, value in run["parameters"].items() if value}
    assert asked == {"reason": "error_fix", "weeks": [str(day)], "failed": True}
    done = month.platform.wait(run["id"], *ENDED, seconds=150)
    assert done["state"]["type"] == "COMPLETED", done["state"]
    assert done["name"] == f"repair failed {day} (error_fix)"
    repair = Batch.open(month.platform.base_path / repair_name(datetime.datetime.now(datetime.UTC).date()))
    counters = repair.counters()
    assert counters.done == counters.classifiable == month.batch(BAD).counters().failed
    browser.open(month.artifact(f"repair-{repair.name.replace('_', '-')}"))
    browser.wait_for("error_fix")
    browser.picture("month-4-repaired")
    browser.open((repair.path / "report" / "index.html").as_uri())
    browser.wait_for("Before and after")
    browser.picture("month-5-repair-page")


def test_the_database_has_the_week_as_repaired(month: Month) -> None:
    day = month.days[BAD]
    repaired = month.platform.query("SELECT count(*), bool_and(is_current) FROM pdb_update.repair_outcome")
    assert repaired == [(month.batch(BAD).counters().failed, True)]
    failed = "SELECT failed_chains FROM pdb_update.release_summary WHERE release_date = "
    assert month.platform.query(f"{failed}'{day}'") == [(0,)]


def test_a_week_outlives_the_server_and_its_list_may_grow(month: Month) -> None:
    month.release(2)
    added = month.home / "status" / f"{month.days[2]:%Y%m%d}" / "added.pdb"
    whole = added.read_text()
    first, second, *others = whole.splitlines()
    added.write_text("\n".join([*others, "[/foo]", ""]))
    ended = month.run_passes(month.server_restarts)
    assert "[/foo]" in ended["state"]["message"]
    batch = month.batch(2)
    assert len(batch.manifest.entries) == len(others)
    assert "wrong line" in month.platform.run("pyecod", "status", batch.name, check=False).stdout
    added.write_text(whole)
    month.run_passes()
    batch = month.batch(2)
    assert set(batch.manifest.entries) == {i.removeprefix("pdb_0000") for i in (first, second, *others)}
    assert batch.counters().left == 0
    assert "wrong line" not in month.platform.run("pyecod", "status", batch.name).stdout


def test_the_next_weeks_come_by_themselves(month: Month, browser: Any) -> None:
    month.week_passes(3)
    for week in (2, 3):
        counters = month.batch(week).counters()
        assert counters.done == counters.classifiable > 20
    released = month.platform.query("SELECT batch_name FROM pdb_update.release_summary ORDER BY release_date")
    assert released == [(month.name(week),) for week in range(WEEKS)]
    browser.open(f"{month.platform.url}/deployments")
    browser.wait_for("after-update")
    browser.picture("deployments")
    (run,) = [r for r in month.platform.runs("process-batch") if r["name"] == month.name(3)]
    browser.open(f"{month.platform.url}/runs/flow-run/{run['id']}")
    browser.wait_for("hhsearch ")
    browser.picture("batch-run")
    browser.resize(1500)
    browser.open(f"{month.platform.url}/runs")
    browser.wait_for(month.name(3))
    browser.picture("month-6-runs")
    browser.resize(1800)
    page = (month.batch(3).path / "report" / "index.html").as_uri()
    browser.open(page)
    browser.wait_for("Frequent T-groups")
    browser.picture("month-7-week-page")
    browser.open("about:blank")
    browser.open(f"{page}#{discontinuous(month.batch(3))}")
    browser.resize()
    browser.wait_for("PyMOL")
    browser.picture("month-8-chain")
    browser.resize(1100)
    browser.open((month.platform.base_path / "report" / "weeks.html").as_uri())
    browser.wait_for("Trends")
    assert all(str(day) in browser.text for day in month.days)
    browser.picture("month-9-weeks")


def test_a_month_that_came_is_not_missed(month: Month) -> None:
    shown = month.platform.run("pyecod", "alerts", "show", "--json", check=False)
    assert "week-overdue" not in shown.stdout


def test_a_run_that_no_worker_takes_is_told(month: Month, receiver: Any) -> None:
    month.platform.hasten("run is late", 20)
    stop(month.platform.worker, 60)  # a busy machine may let it hang in its end
    month.platform.start_run("update-weeks/weekly")  # of a scheduled one it is told a quarter of an hour later
    message = wait_until(lambda: receiver.find("update-weeks/weekly did not start"), 120, "the message")
    assert "no worker took it" in message["body"]
    assert f"{month.platform.url}/" in message["body"]


def discontinuous(batch: Batch) -> str:
    """A chain of the batch with a domain of several segments."""
    paths = sorted(batch.paths.root.glob("partitions/*.xml"))
    return next(path.name.partition(".")[0] for path in paths if 'is_discontinuous="true"' in path.read_text())


def of_field(name: str, selector: str, text: str = "") -> str:
    """An element of the field with this label in Prefect's form, as JavaScript."""
    label = "e.querySelector('.schema-form-property__label').innerText.replace(' (Optional)', '')"
    whole = f"[...document.querySelectorAll('.schema-form-property')].find(e => {label} === '{name}')"
    return f"[...({whole}?.querySelectorAll('{selector}') ?? [])].find(e => e.innerText.trim().startsWith('{text}'))"
