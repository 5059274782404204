#!/usr/bin/env python3
"""Holds a SAM template against SAM's own model, which sees what `sam validate --lint` overlooks.

A misspelt property of an event (`BatchSizee`) or an unknown event type passes the linter and fails, or worse
does nothing, on the day of the deployment. Runs in the environment that aws-sam-cli is installed in.

    .venv/bin/python infra/tools/check_sam_model.py template.yaml
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from samtranslator.compat import pydantic
from samtranslator.internal.schema_source import schema
from samtranslator.yaml_helper import yaml_parse


def by_type(models: Iterable[Any]) -> dict[str, Any]:
    """The models of a union, by the one `Type` that each of them accepts."""
    return {get_args(model.__fields__["Type"].outer_type_)[0]: model for model in models}


RESOURCES = by_type(get_args(schema.Resources))
EVENTS = by_type(
    get_args(RESOURCES["AWS::Serverless::Function"].__fields__["Properties"].type_.__fields__["Events"].type_)
)


def problems(template: dict[str, Any]) -> Iterator[str]:
    """Everything in the template that SAM's model does not know."""
    yield from misfits("Globals", schema.Globals, template.get("Globals") or {})

    for name, resource in (template.get("Resources") or {}).items():
        place = f"Resources.{name}"
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if kind in RESOURCES:
            yield from resource_problems(place, kind, resource)
        elif kind is None:
            yield f"{place}: has no Type"
        elif kind.startswith("AWS::Serverless::"):
            yield f"{place}: SAM has no resource of type {kind}"


def resource_problems(place: str, kind: str, resource: dict[str, Any]) -> Iterator[str]:
    # An event that fits none of the kinds would be told once for each of them, so each is held against its own.
    properties = dict(resource.get("Properties") or {})
    if kind == "AWS::Serverless::Function":
        for name, event in (properties.pop("Events", None) or {}).items():
            event_place = f"{place}.Properties.Events.{name}"
            event_kind = event.get("Type") if isinstance(event, dict) else None
            if event_kind in EVENTS:
                yield from misfits(event_place, EVENTS[event_kind], event)
            else:
                yield f"{event_place}: SAM has no event of type {event_kind}"
        resource = {**resource, "Properties": properties}
    yield from misfits(place, RESOURCES[kind], resource)


def misfits(place: str, model: Any, value: Any) -> Iterator[str]:
    try:
        model.parse_obj(value)
    except pydantic.ValidationError as error:
        for complaint in error.errors():
            yield f"{'.'.join([place, *map(str, complaint['loc'])])}: {complaint['msg']}"


def main(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    if not isinstance(template, dict):
        print(f"{path}: is not a template", file=sys.stderr)
        return 1

    found = list(dict.fromkeys(problems(template)))  # a union repeats itself
    for problem in found:
        print(f"{path}: {problem}", file=sys.stderr)
    if not found:
        print(f"{path}: {len(template.get('Resources') or {})} resources fit SAM's model")
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} TEMPLATE")
    sys.exit(main(sys.argv[1]))
