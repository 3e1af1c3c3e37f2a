"""``--submit`` against a real Prefect server: where the run is, what it waits for, and why it cannot be."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.states import Running

from flows.workers.turns import lock_path
from pyecod.batch.lock import BatchLock
from pyecod.cli.submit import ENDS_AT_ONCE, RunRefusedError, submit_run
from pyecod.errors import ConfigError
from pyecod.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


@pytest.fixture
def deployed(client: SyncPrefectClient) -> Iterator[dict[str, Any]]:
    """Both deployments, in a pool of their own without a worker."""
    from prefect.client.schemas.actions import WorkPoolCreate

    client.create_work_pool(WorkPoolCreate(name="submit-test", type="process"), overwrite=True)
    ids = {}
    for name in ("update-weeks/weekly", "repair/adhoc"):
        flow, _, short = name.partition("/")
        flow_id = client.create_flow_from_name(flow)
        ids[name] = client.create_deployment(flow_id, short, work_pool_name="submit-test")
    yield ids
    for deployment in ids.values():
        client.delete_deployment(deployment)


@pytest.fixture
def submit(tmp_path: Path) -> Any:
    def run(deployment: str, as_json: bool = False, **parameters: Any) -> None:
        submit_run(deployment, parameters, Settings(base_path=tmp_path), "Start", yes=True, as_json=as_json)

    return run


def running(client: SyncPrefectClient, deployment: Any) -> Any:
    run = client.create_flow_run_from_deployment(deployment, state=Running(), name="the-first")
    return client.read_flow_run(run.id)


def test_a_run_is_submitted_and_its_address_and_what_it_waits_for_are_said(
    client: Any, deployed: Any, submit: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"settings_file": Path("s.yaml"), "profile": "./site.yaml", "start_date": None}
    submit("update-weeks/weekly", as_json=True, **given)
    out, _ = capsys.readouterr()
    told = json.loads(out)
    run = client.read_flow_run(told["flow_run_id"])
    assert told["url"].endswith(f"/runs/flow-run/{run.id}")
    assert "prefect worker start --pool submit-test" in told["waits"]
    expected = {"settings_file": str(tmp_path / "s.yaml"), "profile": str(tmp_path / "site.yaml"), "start_date": None}
    assert run.parameters == expected
    assert run.tags == ["pyecod"]
    client.delete_flow_run(run.id)
    submit("repair/adhoc")
    out, err = capsys.readouterr()
    assert "submitted as flow run" in out
    assert "/runs/flow-run/" in out
    assert "it waits: no worker of the pool submit-test is there" in err


def test_a_weekly_run_beside_another_would_end_at_once_and_is_not_submitted(
    client: Any, deployed: Any, submit: Any
) -> None:
    first = running(client, deployed["update-weeks/weekly"])
    with pytest.raises(RunRefusedError, match=r"would end at once: the-first \(Running\)") as caught:
        submit("update-weeks/weekly")
    assert caught.value.exit_code == 3
    assert str(first.id) in caught.value.where
    assert [run.id for run in _runs_of(client, deployed["update-weeks/weekly"])] == [first.id]


def test_a_run_whose_process_is_gone_is_no_hindrance(client: Any, deployed: Any, submit: Any, tmp_path: Path) -> None:
    running(client, deployed["update-weeks/weekly"])
    path = lock_path(tmp_path, "update-weeks", "weekly")
    with BatchLock(path), pytest.raises(RunRefusedError):
        submit("update-weeks/weekly")
    submit("update-weeks/weekly")


def test_repairs_run_beside_each_other_and_that_is_said(client: Any, deployed: Any, submit: Any, capsys: Any) -> None:
    running(client, deployed["repair/adhoc"])
    submit("repair/adhoc")
    assert "runs beside them: the-first (Running)" in capsys.readouterr().err


def test_a_deployment_that_is_not_registered_is_one_sentence(submit: Any) -> None:
    with pytest.raises(ConfigError, match=r"update-weeks/weekly is not registered \(`pyecod deploy`"):
        submit("update-weeks/weekly")


def test_without_a_server_it_is_one_sentence(submit: Any) -> None:
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(ConfigError, match="PREFECT_API_URL is not set"):
        submit("repair/adhoc")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: url}), pytest.raises(ConfigError, match="does not answer"):
            submit("repair/adhoc")


def test_a_server_that_asks_for_a_password_is_named_with_the_remedy(submit: Any, guarded: str) -> None:
    refused = pytest.raises(ConfigError, match=r"does not let us in \(set PREFECT_API_AUTH_STRING")
    with temporary_settings({PREFECT_API_URL: guarded, PREFECT_API_AUTH_STRING: "wrong:one"}), refused:
        submit("repair/adhoc")


@pytest.fixture
def guarded() -> Iterator[str]:
    """What answers 401 to everything but the question of its health, as a server with a password does."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Guard(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.endswith("/health") else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Guard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()


def test_what_is_said_of_turns_is_what_the_flows_do() -> None:
    """A flow that takes turns and does not wait ends at once; the command must know."""
    ends = set()
    for path in (ROOT / "flows").glob("*.py"):
        for line in path.read_text().splitlines():
            if "with turn(" in line and "wait=True" not in line:
                ends.add(line.split('"')[1])
    assert {name.split("/")[0] for name in ENDS_AT_ONCE} <= ends
    submitted = {"update-weeks", "repair"}
    assert ends & submitted == {name.split("/")[0] for name in ENDS_AT_ONCE}


def _runs_of(client: SyncPrefectClient, deployment: Any) -> list[Any]:
    """The server is the session's: other tests have runs of the same flow, and none of this deployment."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    return client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])))
