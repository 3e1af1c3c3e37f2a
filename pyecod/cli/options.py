"""Options of a command that are made from a model, as its flow's form is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from copy import copy
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pyecod.settings.asked import Asked, asked_fields, inside_sentence


def options_of(model: type[BaseModel], panel: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each marked field of ``model``, before its own, which come under ``panel``.

    The command's first parameter gets what was given, by the fields' names. Dates, chains and the like are given as
    text, which the model understands.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        made = [_option(name, field, mark) for name, field, mark in asked_fields(model)]
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

        def asking(**given: Any) -> None:
            asked = {p.name: given.pop(p.name) for p in made}
            command({name: value for name, value in asked.items() if value is not None}, **given)

        asking.__name__ = command.__name__
        paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
        asking.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        parameters = [*made, *(_under(panel, parameter) for parameter in own)]
        asking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return asking

    return decorate


def _option(name: str, field: FieldInfo, mark: Asked) -> inspect.Parameter:
    kind, bounds = _kind(field)
    text = str(field.description)
    if issubclass(kind, StrEnum):
        text += ": " + ", ".join(kind)
    if not issubclass(kind, bool | float | Path):
        kind = str  # the model reads it, and says what is wrong with it
    is_flag, required = kind is bool, field.is_required()
    option = name.replace("_", "-")
    info = typer.Option(
        f"--{option}/--no-{option}" if is_flag and mark.both_ways else f"--{option}",
        help=inside_sentence(text),
        rich_help_panel=mark.panel,
        metavar="" if is_flag else mark.word,
        show_default=is_flag and field.default is True,
        min=bounds.get("min"),
        max=bounds.get("max"),
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else field.default if is_flag else None,
        annotation=Annotated[kind if required or is_flag else kind | None, info],
    )


def _kind(field: FieldInfo) -> tuple[type, dict[str, float]]:
    """The type of a field's value, whether it may be None or not, and its bounds."""
    kind: Any = next((k for k in get_args(field.annotation) if k is not type(None)), field.annotation)
    marks = list(field.metadata)
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        marks += more
    if not isinstance(kind, type):
        kind = get_origin(kind) or str
    return kind, dict(_bounds(marks))


def _bounds(marks: list[Any]) -> Iterator[tuple[str, float]]:
    for mark in marks:
        if isinstance(mark, FieldInfo):
            yield from _bounds(mark.metadata)
        elif isinstance(mark, Ge):
            yield "min", mark.ge  # type: ignore[misc]
        elif isinstance(mark, Le):
            yield "max", mark.le  # type: ignore[misc]


def _under(panel: str, parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter with its option under a heading, unless it has one."""
    kind, info = get_args(parameter.annotation)
    if not isinstance(info.rich_help_panel, str):
        info = copy(info)
        info.rich_help_panel = panel
    if kind is bool and info.metavar is None:
        info.metavar = ""
    return parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=Annotated[kind, info])
