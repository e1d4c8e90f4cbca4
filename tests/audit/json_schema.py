"""As much of JSON Schema as `tests/data/ocsf` uses, and it refuses the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TYPES = {"string": str, "integer": int, "boolean": bool, "number": float, "object": dict}
KNOWN = {"type", "enum", "const", "items", "required", "properties", "additionalProperties"}
KNOWN |= {"anyOf", "$ref", "$defs", "$schema", "title", "description"}


def mistakes(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Where `value` is not what the schema says."""
    return list(_mistakes(value, schema, schema, "$"))


def _mistakes(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], at: str
) -> Iterator[str]:
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if schema.get("type") == "array":
        if not isinstance(value, list):
            yield f"{at}: no array"
            return
        for index, item in enumerate(value):
            yield from _mistakes(item, schema["items"], root, f"{at}[{index}]")
    elif "type" in schema and type(value) is not TYPES[schema["type"]]:
        yield f"{at}: {value!r} is no {schema['type']}"
    elif isinstance(value, dict):
        yield from _object_mistakes(value, schema, root, at)


def _object_mistakes(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str
) -> Iterator[str]:
    yield from (f"{at}: no {name}" for name in schema.get("required", []) if name not in value)
    choices = schema.get("anyOf", [])
    if choices and not any(choice["required"][0] in value for choice in choices):
        yield f"{at}: none of {[choice['required'][0] for choice in choices]}"
    properties = schema.get("properties", {})
    for name, item in value.items():
        if name in properties:
            yield from _mistakes(item, properties[name], root, f"{at}.{name}")
        elif not schema.get("additionalProperties", True):
            yield f"{at}: there is no attribute {name}"
