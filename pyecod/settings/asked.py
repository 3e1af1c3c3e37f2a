"""How the fields of a model are asked for: in a form of the Prefect UI, and as options of a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

GROUP = "more"
"""The parameter of a flow that holds what is seldom asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Marks a field, in its annotation. The field's title is its label in the form, its description the text there and
    in the help page; ``panel`` is the heading in the help page. What is ``seldom`` asked for stands in a group of the
    form that is closed at first. ``word`` is what stands for the value in the help page. A flag that may be switched
    ``both_ways`` has an option ``--no-…`` too."""

    panel: str
    seldom: bool = False
    word: str | None = None
    both_ways: bool = False


def asked_fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, Asked]]:
    """The marked fields of a model, in its order."""
    for name, field in model.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Asked):
                yield name, field, mark


def grouped(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the form has them: those of fields that are seldom asked for under :data:`GROUP`."""
    seldom = {name for name, _, mark in asked_fields(model) if mark.seldom}
    inner = {name: value for name, value in values.items() if name in seldom}
    outer = {name: value for name, value in values.items() if name not in seldom}
    return {**outer, GROUP: inner} if inner else outer


def inside_sentence(text: str) -> str:
    """The text as it goes on in a sentence: ``Run BLAST`` becomes ``run BLAST``, ``BLAST`` stays."""
    return text if text[1:2].isupper() else text[0].lower() + text[1:]
