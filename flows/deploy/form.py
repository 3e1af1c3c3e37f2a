"""What a flow asks for: its parameters made from models, so that form, command and checks say the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar

from prefect import Flow
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from pyecod.errors import UsageError
from pyecod.settings import Settings
from pyecod.settings.asked import GROUP, asked_fields, inside_sentence
from pyecod.settings.choice import SettingsChoice

R = TypeVar("R")
AnyFlow = TypeVar("AnyFlow", bound=Flow[..., Any])


def asks(run: Callable[..., R]) -> Callable[..., R]:
    """Give a flow's function the parameters that people fill in: below ``@flow``.

    A parameter that is a model becomes one parameter for each of its marked fields; ``settings: Settings`` becomes
    those of :class:`SettingsChoice`, at the end. The function gets the model, and the settings loaded. Its own
    parameters stay as they are, labelled with plain words.
    """
    own = inspect.signature(run, eval_str=True).parameters
    models = {name: kind for name, p in own.items() if (kind := _model(p.annotation)) is not None}
    plain = [_labelled(p) for name, p in own.items() if name not in models]
    fields = [p for model in models.values() for p in _parameters(model)]
    groups = [p for model in models.values() for p in _group(model)]
    everything = [*(p for p in fields if p.name not in SettingsChoice.model_fields), *groups, *plain]
    everything += [p for p in fields if p.name in SettingsChoice.model_fields]

    def asking(**given: Any) -> R:
        stated = {name: value for name, value in given.items() if not isinstance(value, FieldInfo)}
        values = {name: value for name, value in stated.items() if name in own}
        for name, model in models.items():
            made = model(**_of(model, stated))
            values[name] = made.load() if isinstance(made, SettingsChoice) else made
        return run(**values)

    asking.__name__, asking.__qualname__, asking.__module__ = run.__name__, run.__qualname__, run.__module__
    asking.__doc__ = run.__doc__
    _sign(asking, everything)
    return asking


def short_form(flow: AnyFlow) -> AnyFlow:
    """Show in the flow's form what is seldom asked for as one group: above ``@flow``.

    The flow itself takes these parameters by their own names as well, as schedules and automations may give them.
    """
    parameters = inspect.signature(flow.fn).parameters.values()
    _sign(flow, [p for p in parameters if not _is_seldom(p)])
    return flow


def flat(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A run's parameters without the group: what is in it counts, where it is given."""
    group = parameters.get(GROUP) or {}
    inner = group.model_dump() if isinstance(group, BaseModel) else group
    return {name: value for name, value in parameters.items() if name != GROUP} | dict(inner)


def _sign(target: Callable[..., Any], parameters: Iterable[inspect.Parameter]) -> None:
    target.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]


def _model(annotation: Any) -> type[BaseModel] | None:
    if annotation is Settings:
        return SettingsChoice
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _labelled(parameter: inspect.Parameter) -> inspect.Parameter:
    default = ... if parameter.default is parameter.empty else parameter.default
    label = parameter.name.replace("_", " ").capitalize()
    shown: Any = Field(default=default, json_schema_extra={"title": label})
    return parameter.replace(kind=parameter.KEYWORD_ONLY, default=shown)


def _parameters(model: type[BaseModel]) -> list[inspect.Parameter]:
    """A parameter for each marked field."""
    made = []
    for name, field, mark in asked_fields(model):
        default = ... if field.is_required() else field.default
        extra: dict[str, Any] = {"title": field.title, "seldom": True} if mark.seldom else {"title": field.title}
        shown = Field(default=default, description=field.description, json_schema_extra=extra)
        made.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=shown, annotation=_annotation(field))
        )
    return made


def _group(model: type[BaseModel]) -> list[inspect.Parameter]:
    """The parameter that holds what is seldom asked for; None closes it in the form."""
    seldom = {name: field for name, field, mark in asked_fields(model) if mark.seldom}
    if not seldom:
        return []
    fields: dict[str, Any] = {
        name: (_annotation(field), Field(default=field.default, title=field.title, description=field.description))
        for name, field in seldom.items()
    }
    config = ConfigDict(extra="forbid", title="Choose", frozen=True)
    group = create_model(f"MoreOf{model.__name__}", __config__=config, **fields)
    first, *others = [str(field.title) for field in seldom.values()]
    shown = Field(
        default=None,
        description=", ".join([first, *map(inside_sentence, others)]),
        json_schema_extra={"title": "More choices"},
    )
    return [inspect.Parameter(GROUP, inspect.Parameter.KEYWORD_ONLY, default=shown, annotation=group | None)]


def _annotation(field: FieldInfo) -> Any:
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def _is_seldom(parameter: inspect.Parameter) -> bool:
    extra = parameter.default.json_schema_extra if isinstance(parameter.default, FieldInfo) else None
    return isinstance(extra, dict) and bool(extra.get("seldom"))


def _of(model: type[BaseModel], stated: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a model's fields, those of the group among them.

    Raises:
        UsageError: a field is given on its own and, otherwise, in the group.
    """
    values = {name: value for name, value in stated.items() if name in model.model_fields}
    group = stated.get(GROUP) if any(mark.seldom for _, _, mark in asked_fields(model)) else None
    for name in group.model_fields_set if isinstance(group, BaseModel) else ():
        value, alone = getattr(group, name), values.get(name)
        if alone not in (None, value, model.model_fields[name].default):
            raise UsageError(f"{name} is given twice: {alone}, and {value} in {GROUP}")
        values[name] = value
    return values
