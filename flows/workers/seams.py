"""Submitting tasks to Dask at a fraction of the usual cost, which the flow's process pays one task after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from prefect.context import SettingsContext
from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture
from pydantic import PrivateAttr


class _SerializedOnce(SettingsContext):
    """Prefect's settings, turned into what workers are sent once instead of for every task."""

    _sent: dict[str, Any] | None = PrivateAttr(None)

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        """The settings as workers get them."""
        if not include_secrets:
            return super().serialize(include_secrets)
        if self._sent is None:
            self._sent = super().serialize()
        return self._sent


class LightDaskTaskRunner(DaskTaskRunner):
    """A runner whose tasks have random keys: Dask's own would be a checksum over all that a task is given."""

    def submit(  # type: ignore[override]
        self,
        task: Any,
        parameters: dict[str, Any],
        wait_for: Iterable[Any] | None = None,
        dependencies: Any = None,
    ) -> PrefectDaskFuture[Any]:
        """Submit a task; its parameters and ``wait_for`` may hold futures as in the base class."""
        if not self._started:
            raise RuntimeError("the task runner must be started before tasks are submitted")
        with self._settings():
            future = self.client.submit(  # type: ignore[no-untyped-call]
                task,
                parameters=self._optimize_futures(parameters),
                wait_for=self._optimize_futures(wait_for) if wait_for else None,
                dependencies=dependencies,
                return_type="state",
                key=f"{task.fn.__name__}-{uuid4()}",
            )
        return PrefectDaskFuture(wrapped_future=future, task_run_id=future.task_run_id)

    def _settings(self) -> SettingsContext:
        current = SettingsContext.get()
        assert current is not None
        known: _SerializedOnce | None = getattr(self, "_serialized_once", None)
        if known is None or known.settings is not current.settings:
            known = _SerializedOnce(profile=current.profile, settings=current.settings)
            self._serialized_once = known
        return known
