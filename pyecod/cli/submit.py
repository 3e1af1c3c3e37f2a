"""``--submit``: a run of a deployment, left to the worker of its pool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyecod.cli.launch import ask, load_flow, prepare_prefect
from pyecod.cli.output import console, messages, print_json
from pyecod.errors import ConfigError, PyecodError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse

    from pyecod.settings import Settings

# deployments of which a new run ends at once while another is at work (flows/workers/turns.py); others run beside it
ENDS_AT_ONCE = frozenset({"update-weeks/weekly"})


class RunRefusedError(PyecodError):
    """A new run would not do its work now."""


def submit_run(
    deployment: str, parameters: dict[str, Any], settings: Settings, question: str, *, yes: bool, as_json: bool
) -> None:
    """Start a flow run of a deployment, and say where to look at it.

    Raises:
        ConfigError: there is no server, it does not answer or let us in, or the deployment is not registered.
        RunRefusedError: another run is at work, and the new one would end at once.
    """
    prepare_prefect()
    load_flow("flows.deploy.server:require_server")()
    from prefect.client.orchestration import get_client
    from prefect.deployments import run_deployment

    with _explained(deployment), get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        others = [run for run in _runs(client, found) if not _is_dead(run, deployment, settings)]
        _tell_others(deployment, others)
        ask(yes, f"{question} as a run of {deployment}?")
        sent = _for_elsewhere(parameters)
        run: Any = run_deployment(deployment, parameters=sent, timeout=0, as_subflow=False, tags=["pyecod"])
        waits = _why_it_waits(client, found)
    _tell_run(run, waits, as_json=as_json)


def _tell_others(deployment: str, others: list[FlowRun]) -> None:
    if not others:
        return
    names = ", ".join(f"{run.name} ({run.state_name or 'no state'})" for run in others[:3])
    if deployment in ENDS_AT_ONCE:
        raise RunRefusedError(
            f"another run of {deployment} is at work, and a new one would end at once: {names}",
            where=_address(others[0]),
            hint="wait until it is done, or cancel it in the UI",
        )
    messages().print(f"other runs of {deployment} are at work, and the new one runs beside them: {names}")


def _tell_run(run: Any, waits: str | None, *, as_json: bool) -> None:
    address = _address(run)
    if as_json:
        print_json({"flow_run_id": run.id, "name": run.name, "url": address, "waits": waits})
        return
    console().print(f"submitted as flow run {run.name} ({run.id})", soft_wrap=True)
    if address:
        console().print(address, soft_wrap=True)
    if waits:
        messages().print(f"it waits: {waits}", soft_wrap=True)


def _runs(client: SyncPrefectClient, deployment: DeploymentResponse) -> list[FlowRun]:
    """Runs of a deployment that are at work, or about to be."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter, FlowRunFilterState
    from prefect.client.schemas.filters import FlowRunFilterStateType as OfType
    from prefect.client.schemas.objects import StateType

    at_work = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=OfType(any_=at_work))),
    )


def _is_dead(run: FlowRun, deployment: str, settings: Settings) -> bool:
    """The server still calls a run running whose process is gone: nobody holds the lock that it took."""
    from prefect.client.schemas.objects import StateType

    from pyecod.batch.lock import read_holder

    path: Path = load_flow("flows.workers.turns:lock_path")(settings.base_path, *deployment.split("/"))
    return run.state_type is StateType.RUNNING and path.is_file() and read_holder(path) is None


def _why_it_waits(client: SyncPrefectClient, deployment: DeploymentResponse) -> str | None:
    """What a person must do so that the run begins, None where nothing is known to be missing."""
    name = deployment.work_pool_name
    if name is None:
        return None
    pool = client.read_work_pool(name)
    if pool.is_paused:
        return f"the work pool {name} is paused; `prefect work-pool resume {name}` lets it go on"
    if not any(worker.status == "ONLINE" for worker in client.read_workers_for_work_pool(name)):
        return f"no worker of the pool {name} is there; `prefect worker start --pool {name}` starts one"
    return None


def _address(run: Any) -> str | None:
    """Where the UI shows a run."""
    from prefect.utilities.urls import url_for

    return url_for("flow-run", obj_id=run.id)


def _for_elsewhere(parameters: dict[str, Any]) -> dict[str, Any]:
    """The same parameters for a process in another folder: files by their absolute paths, and all as JSON has it."""
    import orjson

    absolute = {key: value.absolute() if isinstance(value, Path) else value for key, value in parameters.items()}
    profile = absolute.get("profile")
    if isinstance(profile, str) and (profile.endswith((".yaml", ".yml")) or "/" in profile):
        absolute["profile"] = str(Path(profile).absolute())
    plain: dict[str, Any] = orjson.loads(orjson.dumps(absolute, default=str))
    return plain


@contextmanager
def _explained(deployment: str) -> Iterator[None]:
    """Prefect's own errors as one sentence each."""
    import httpx
    from prefect.exceptions import ObjectNotFound
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    try:
        yield
    except ObjectNotFound:
        raise ConfigError(
            f"the deployment {deployment} is not registered", where=url, hint="`pyecod deploy` registers all of them"
        ) from None
    except httpx.HTTPStatusError as error:
        if error.response.status_code in (401, 403):
            hint = "set PREFECT_API_AUTH_STRING to the server's name and password, as in worker.env"
            raise ConfigError("the Prefect server does not let us in", where=url, hint=hint) from None
        raise PyecodError(
            f"the Prefect server refuses the run: {' '.join(error.response.text.split())[:500]}", where=url
        ) from None
    except httpx.TransportError as error:
        hint = "look at its log (`journalctl -u pyecod-prefect-server`), and give the same command again"
        raise PyecodError(f"the Prefect server stopped answering: {error}", where=url, hint=hint) from None
