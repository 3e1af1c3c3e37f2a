"""Where settings come from: profile < YAML file < environment (``PYECOD_…``) < command line.

A layer is what one source sets, as nested mappings; the tree itself is :mod:`pyecod.settings.tree`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from pyecod.errors import ConfigError
from pyecod.files import product_folder
from pyecod.settings.places import is_service, place_in_file, refuse_relative, refuse_relative_file
from pyecod.yamldoc import load_yaml

PROFILES = product_folder("deployments") / "profiles"
_LARGEST = 2**20
_NOT_SETTINGS = ("PYECOD_SETTINGS_FILE", "PYECOD_PROFILE")

Layers = dict[str, Mapping[str, Any]]


class Section(BaseModel):
    """A branch of the tree: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def read_layers(
    tree: type[BaseSettings], file: Path | None, profile: str | None, overrides: Mapping[str, Any] | None
) -> Layers:
    """What each source sets, by the source's name, the weakest first.

    Raises:
        ConfigError: a source cannot be read, or a variable names no branch of the tree; or a relative path leads
            nowhere, or stands where a worker or service cannot know what it begins at.
    """
    layers: Layers = {}
    if named := profile or os.environ.get("PYECOD_PROFILE"):
        layers |= _read_file(tree, find_profile(named), "--profile" if profile else "PYECOD_PROFILE")
    if given := file or os.environ.get("PYECOD_SETTINGS_FILE"):
        layers |= _read_file(tree, Path(given), "--settings" if file else "PYECOD_SETTINGS_FILE")
    layers["environment"] = _read_environment(tree)
    layers["command line"] = overrides or {}
    if is_service():
        refuse_relative(tree, {name: layers[name] for name in ("environment", "command line")})
    return layers


def _read_file(tree: type[BaseModel], named: Path, source: str) -> Layers:
    if is_service():
        refuse_relative_file(named, source)
    path = named.expanduser()
    return {str(named): place_in_file(tree, _read_yaml(path), path.absolute())}


def merge_layers(tree: type[BaseModel], layers: Layers) -> dict[str, Any]:
    """One nested mapping in which the strongest layer wins; a section without content sets nothing."""
    merged: dict[str, Any] = {}
    for layer in layers.values():
        _merge(merged, layer, tree)
    return merged


def source_of(key: Sequence[str], layers: Layers) -> str | None:
    """Name of the strongest layer that sets a key, given as its path in the tree; None where none does."""
    return next((name for name in reversed(layers) if _holds(layers[name], key)), None)


def section_at(model: type[BaseModel], path: Sequence[str]) -> type[BaseModel]:
    """The branch a path leads to, as far as it follows branches."""
    for part in path:
        inner = _section(model, part)
        if inner is None:
            break
        model = inner
    return model


def suggest(key: str, known: Collection[str]) -> str:
    """Hint for an unknown name: the nearest known one, and all of them."""
    close = difflib.get_close_matches(key, known, n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + "known: " + ", ".join(sorted(known))


def find_profile(name: str) -> Path:
    """Path of a profile given by name or path.

    Raises:
        ConfigError: there is none.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    path = PROFILES / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in PROFILES.glob("*.yaml"))) or "none"
        raise ConfigError(f"there is no profile {name!r}", where=PROFILES, hint=f"profiles: {known}")
    return path


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the settings file: {error}", where=path) from None
    content = load_yaml(data, path, ConfigError, largest=_LARGEST)
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigError("the settings file is not a mapping of keys to values", where=path)
    return content


def _read_environment(tree: type[BaseSettings]) -> Mapping[str, Any]:
    known = set(tree.model_fields)
    for variable in os.environ:
        if not variable.startswith("PYECOD_") or variable in _NOT_SETTINGS:
            continue
        key = variable.removeprefix("PYECOD_").lower().partition("__")[0]
        if key not in known:
            raise ConfigError(f"unknown setting {variable}", where="environment", hint=suggest(key, known))
    try:
        return EnvSettingsSource(tree, env_ignore_empty=True)()
    except SettingsError as error:
        hint = "one value per variable: PYECOD_SEARCH__EVALUE=0.002"
        raise ConfigError(f"cannot read the variables PYECOD_…: {error}", where="environment", hint=hint) from None


def _merge(into: dict[str, Any], layer: Mapping[str, Any], model: type[BaseModel]) -> None:
    for key, value in layer.items():
        section = _section(model, key)
        if section is None or not (value is None or isinstance(value, Mapping)):
            into[key] = value
        elif value is not None:
            inner = into.get(key)
            into[key] = inner if isinstance(inner, dict) else {}
            _merge(into[key], value, section)


def _section(model: type[BaseModel], key: str) -> type[Section] | None:
    field = model.model_fields.get(key)
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _holds(layer: Mapping[str, Any], path: Sequence[str]) -> bool:
    node: Any = layer
    for part in path:
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return bool(path)
