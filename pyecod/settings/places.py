"""Where a relative path in a source of settings begins: in a file at the file's own folder, else at the shell's.

A worker or a service has no folder that anybody chose, so that it takes absolute paths only.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from pyecod.errors import ConfigError, together

_SAID: set[str] = set()

Found = tuple[tuple[str, ...], str | Path]


def relative_paths(model: type[BaseModel], layer: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[Found]:
    """Every relative path a source sets, with its place in the tree; ``~`` is a user's home and not relative."""
    for key, value in layer.items():
        field = model.model_fields.get(key)
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner is not None and isinstance(value, Mapping):
            yield from relative_paths(inner, value, (*prefix, key))
        elif Path in kinds and isinstance(value, str | Path) and str(value) and not _expanded(value).is_absolute():
            yield (*prefix, key), value


def place_in_file(model: type[BaseModel], layer: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    """What a settings file sets, with its relative paths begun at its folder.

    Version 0.1 began them at the working folder. Where the two differ and both are there, that is said once.

    Raises:
        ConfigError: only the one version 0.1 would have found is there.
    """
    if not file.is_file():  # a pipe: `--settings <(…)`
        return layer
    placed, folder, lost = dict(layer), file.parent, []
    for path, value in relative_paths(model, layer):
        new, old = Path(os.path.normpath(folder / value)), Path(os.path.normpath(Path.cwd() / value))
        if new != old and old.exists():
            if not new.exists():
                lost.append(_lost(path, value, new, old, file))
                continue
            _say_once(
                f"{file}: {'.'.join(path)}: {value} is {new}, because relative paths in a settings file begin at its "
                f"folder; version 0.1 began them where the command runs, at {old}: write the absolute path you mean"
            )
        placed = _set(placed, path, str(new))
    if lost:
        raise together(lost, "relative paths in a settings file begin at its folder, and these are not there")
    return placed


def is_service() -> bool:
    """This process runs a flow for a Prefect worker, or is a unit of systemd: nobody stands in its folder."""
    return "PREFECT__FLOW_RUN_ID" in os.environ or os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())


def refuse_relative(model: type[BaseModel], layers: Mapping[str, Mapping[str, Any]]) -> None:
    """Hold that every path a worker or service is given is absolute.

    Raises:
        ConfigError: one is not; with the source it comes from.
    """
    findings = [
        ConfigError(
            f"{'.'.join(path)}: {value} is relative, and a worker or service has no folder it could begin at",
            where=source,
            hint="write the absolute path, or set it in the settings file, where it begins at the file's folder",
        )
        for source, layer in layers.items()
        for path, value in relative_paths(model, layer)
    ]
    if findings:
        raise together(findings, f"{len(findings)} paths are relative")


def refuse_relative_file(named: Path, source: str) -> None:
    """Hold that a worker's settings file or profile is named by an absolute path.

    Raises:
        ConfigError: it is not.
    """
    if not _expanded(named).is_absolute():
        what = f"the settings file {named} is named by a relative path, and a worker or service has no folder"
        raise ConfigError(what, where=source, hint="write its absolute path")


def _lost(path: Sequence[str], value: object, new: Path, old: Path, file: Path) -> ConfigError:
    return ConfigError(
        f"{'.'.join(path)}: {value} would be {new}, which is not there; version 0.1 took {old}",
        where=file,
        hint=f"write {old} there",
    )


def _say_once(text: str) -> None:
    if text not in _SAID:
        _SAID.add(text)
        logging.getLogger("pyecod.settings").warning(text)


def _expanded(value: str | Path) -> Path:
    return Path(value).expanduser()


def _set(layer: dict[str, Any], path: Sequence[str], value: str) -> dict[str, Any]:
    """The same layer with one value changed; what was read is left as it is."""
    first, *rest = path
    return {**layer, first: _set(dict(layer[first]), rest, value) if rest else value}
