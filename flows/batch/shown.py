"""Pictures, messages and events of a run: whatever becomes of them, the work goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from prefect import get_run_logger

from flows.workers.server import ServerWatch
from pyecod.errors import describe


@dataclass
class Shown:
    """Shows things where it can: what cannot be shown costs one warning, and is tried again the next time."""

    server: ServerWatch
    _failing: set[str] = field(default_factory=set)

    @classmethod
    def of_this_run(cls) -> Shown:
        """For a flow that shows things once, at its end."""
        return cls(ServerWatch(0.0, get_run_logger().warning))

    def attempt(self, what: str, show: Callable[[], object]) -> bool:
        """Call ``show``; whether all went well. Without a server it is not called at all."""
        return not self.server.is_away() and self._show(what, show, self.server.is_away)

    def guard(self, what: str, show: Callable[[], object]) -> bool:
        """The same for what needs no server."""
        return self._show(what, show, lambda: False)

    def _show(self, what: str, show: Callable[[], object], is_excused: Callable[[], bool]) -> bool:
        try:
            show()
        except Exception as error:  # noqa: BLE001 - a picture is never worth the work it shows
            if is_excused():  # the server went meanwhile, which is said
                return False
            if what not in self._failing:
                get_run_logger().warning(f"{what} cannot be shown, which is tried again later: {describe(error)}")
            self._failing.add(what)
            return False
        if what in self._failing:
            get_run_logger().info(f"{what}: shown again")
        self._failing.discard(what)
        return True
