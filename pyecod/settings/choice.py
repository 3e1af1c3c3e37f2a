"""Which settings a run is made with: what every flow asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pyecod.settings.asked import Asked
from pyecod.settings.tree import Settings, load_settings

_PANEL = Asked("Settings")


class SettingsChoice(BaseModel):
    """Where a run has its settings from; without any of it, from the environment of its worker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Annotated[str | None, _PANEL] = Field(
        default=None,
        title="Profile",
        description="Name of a profile of deployments/profiles/, or its file. Without it: that of the worker",
    )
    settings_file: Annotated[Path | None, _PANEL] = Field(
        default=None,
        title="Settings file",
        description="Settings in YAML. Without it: that of the worker",
    )
    overrides: Annotated[dict[str, Any] | None, _PANEL] = Field(
        default=None,
        title="Single settings",
        description='Nested as in the file: `{"run": {"retries": 1}}`. They count more than everything else',
    )

    def load(self) -> Settings:
        """The settings, with absolute paths, so that workers may stand anywhere.

        Raises:
            ConfigError: as :func:`~pyecod.settings.load_settings`.
        """
        return load_settings(self.settings_file, self.profile, self.overrides).absolute()
