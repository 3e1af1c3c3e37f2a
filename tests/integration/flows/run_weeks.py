"""One way for the flow tests to run the small world's weeks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.update_weeks import update_weeks


def run(world: Any, base_path: Path, **more: Any) -> list[Any]:
    """Both weeks of the small world in this process."""
    return update_weeks(start_date=world.world.dates[0], overrides=world.overrides(base_path, **more))
