"""One typed tree of settings: profile < YAML file < environment (``PYECOD_…``) < command line.

The fields are those of :mod:`pyecod.settings.sections`. Nothing else reads the environment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pyecod.errors import ConfigError, FailureKind, together
from pyecod.settings.fetch import FetchSettings
from pyecod.settings.layers import Layers, Section, merge_layers, read_layers, section_at, source_of, suggest
from pyecod.settings.places import is_service
from pyecod.settings.sections import (
    AlertSettings,
    ChainSettings,
    ClusterSettings,
    DatabaseSettings,
    MaskSettings,
    PartitionSettings,
    QualitySettings,
    RepairSettings,
    RunSettings,
    ScratchSettings,
    SearchSettings,
    WorkerSettings,
)


class Settings(BaseSettings):
    """The whole tree; see :func:`load_settings`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="PYECOD_", env_nested_delimiter="__")

    base_path: Path = Field(Path("batches"), description="folder of the batch directories")
    base_url: str | None = Field(
        None, description="address at which a web server offers base_path; links to pages in the Prefect UI lead there"
    )
    status_dir: Path | None = Field(None, description="PDB status root with YYYYMMDD/added.pdb")
    mirror: Path | None = Field(
        None, description="mmCIF mirror, divided layout, or the top of a copy of wwPDB's archive"
    )
    reference: Path | None = Field(None, description="ECOD reference made by `pyecod reference build`")
    search: SearchSettings = SearchSettings()
    partition: PartitionSettings = PartitionSettings()
    quality: QualitySettings = QualitySettings()
    mask: MaskSettings = MaskSettings()
    chains: ChainSettings = ChainSettings()
    run: RunSettings = RunSettings()
    workers: WorkerSettings = WorkerSettings()
    scratch: ScratchSettings = ScratchSettings()
    database: DatabaseSettings = DatabaseSettings()
    alerts: AlertSettings = AlertSettings()
    clusters: ClusterSettings = ClusterSettings()
    repair: RepairSettings = RepairSettings()
    fetch: FetchSettings = FetchSettings()

    @property
    def cache_dir(self) -> Path:
        """Folder of the search cache."""
        return (self.search.cache_dir or self.base_path / "search_cache").absolute()

    @property
    def program_cores(self) -> int:
        """Threads of one BLAST process."""
        return self.search.program_cores or self.workers.cores

    @property
    def parallel_programs(self) -> int:
        """HH-suite processes side by side in one task."""
        return self.search.parallel_programs or self.workers.cores

    def second_try(self, failure_kinds: Collection[str]) -> Settings | None:
        """Settings under which chains that failed in these ways may succeed; None where a second try is no use.

        Workers and search programs get ``workers.second_try`` times the memory and time. Only SLURM has larger workers
        to give: elsewhere what ran out of memory would do so again. Results do not depend on what is changed.
        """
        factor = self.workers.second_try
        helped = (
            set(FailureKind) - {FailureKind.UNUSABLE} if self.workers.kind == "slurm" else {FailureKind.OUT_OF_TIME}
        )
        if factor == 1 or helped.isdisjoint(failure_kinds):
            return None
        return self.model_copy(update={"workers": self.workers.enlarged(), "search": self.search.enlarged(factor)})

    def absolute(self) -> Settings:
        """The same settings with every path made absolute, so that workers may stand anywhere."""
        return Settings.model_validate(_absolute(self.model_dump()))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what :func:`load_settings` merged counts."""
        return (init_settings,)


def _absolute(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _absolute(v) for k, v in value.items()}
    return value.expanduser().absolute() if isinstance(value, Path) else value


def load_settings(
    file: Path | None = None,
    profile: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Merge profile < ``file`` < environment < ``overrides`` (nested like the tree) and check the result.

    ``profile`` is a name under ``deployments/profiles/`` or the path of a YAML file. Without ``file`` the
    environment variable ``PYECOD_SETTINGS_FILE`` names it; without ``profile``, ``PYECOD_PROFILE`` does. A section
    without content and an empty environment variable set nothing.

    Raises:
        ConfigError: unknown key, impossible value, unreadable file: all findings in one message, each with its key,
            the source it came from and what is allowed. In a worker or service also: a path that is not absolute.
    """
    layers = read_layers(Settings, file, profile, overrides)
    try:
        settings = Settings.model_validate(merge_layers(Settings, layers))
    except ValidationError as error:
        findings = [_explain(finding, layers) for finding in error.errors()]
        raise together(findings, f"{len(findings)} settings are wrong") from None
    if is_service() and not settings.base_path.expanduser().is_absolute():
        hint = "set base_path in the settings file that PYECOD_SETTINGS_FILE names in the environment of the service"
        raise ConfigError("base_path is not set, and a worker or service has no folder for it", hint=hint)
    return settings


def settings_sources(
    file: Path | None = None, profile: str | None = None, overrides: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Where :func:`load_settings` has each value from: a file, ``environment``, ``command line`` or ``default``."""
    layers = read_layers(Settings, file, profile, overrides)
    return {setting.key: source_of(setting.key.split("."), layers) or "default" for setting in describe_settings()}


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the tree: dotted key, default, what it is for, and in words which values it takes."""

    key: str
    default: Any
    description: str
    allowed: str


def describe_settings(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[Setting]:
    """Every setting, in the tree's order."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from describe_settings(inner, f"{prefix}{name}.")
        else:
            default = field.get_default(call_default_factory=True)
            yield Setting(f"{prefix}{name}", default, field.description or "", _allowed(field))


_WORDS = {int: "whole number", float: "number", bool: "true or false", Path: "path", str: "text"}
_BOUNDS = ((Gt, "gt", ">"), (Ge, "ge", "≥"), (Lt, "lt", "<"), (Le, "le", "≤"))


def _allowed(field: Any) -> str:
    if get_origin(field.annotation) is tuple:
        return f"list of {_WORDS[get_args(field.annotation)[0]]}"
    kinds = [field.annotation] if get_origin(field.annotation) in (None, Literal) else get_args(field.annotation)
    words: list[str] = []
    for kind in kinds:
        if get_origin(kind) is Literal:
            words.extend(map(str, get_args(kind)))
        else:
            words.append("null" if kind is type(None) else _WORDS.get(kind, str(kind)))
    bounds = [
        f"{sign} {getattr(mark, name):g}"
        for mark in field.metadata
        for kind, name, sign in _BOUNDS
        if isinstance(mark, kind)
    ]
    return " ".join(filter(None, [", ".join(words[:-1]), "or" if words[1:] else "", words[-1], " and ".join(bounds)]))


_SECRETIVE = (["database"], ["fetch"])


def _explain(finding: Mapping[str, Any], layers: Layers) -> ConfigError:
    """A finding of pydantic's, with the source the key came from and what is allowed there."""
    path = [str(part) for part in finding["loc"]]
    key = ".".join(path)
    source = source_of(path, layers) or "settings"
    if finding["type"] == "extra_forbidden":
        known = section_at(Settings, path[:-1]).model_fields
        return ConfigError(f"unknown setting {key!r}", where=source, hint=suggest(path[-1], known))
    message = finding["msg"].removeprefix("Value error, ")
    # what was given for the database, and an address, may hold a password
    shown = "" if isinstance(finding["input"], dict) or path[:1] in _SECRETIVE else f", not {finding['input']!r}"
    hint = next((f"{s.description}; allowed: {s.allowed}" for s in describe_settings() if s.key == key), None)
    return ConfigError(f"{key}: {message}{shown}", where=source, hint=hint)
