"""JSON schemas for forms and validation, made from msgspec structs (no torch)."""

from __future__ import annotations

from typing import Any

import msgspec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(struct: type[msgspec.Struct], *, title: str, description: str) -> dict[str, Any]:
    """One self-contained schema: no references, every property with title and description.

    References are put in place because a form generator should not need a resolver. Objects that
    have a default carry it whole, as numbers and texts do.
    """
    (root,), definitions = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    resolved = _resolve(root, definitions)
    assert isinstance(resolved, dict)
    for field in msgspec.structs.fields(struct):
        if field.default_factory is not msgspec.NODEFAULT:
            default = msgspec.to_builtins(field.default_factory())
            resolved["properties"][field.encode_name]["default"] = default
    return {"$schema": DIALECT, **resolved, "title": title, "description": description}


def _resolve(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, (list, tuple)):
        return [_resolve(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        outer = {key: value for key, value in node.items() if key != "$ref"}
        return {**_resolve(target, definitions), **_resolve(outer, definitions)}
    return _with_plain_discriminator(
        {key: _resolve(value, definitions) for key, value in node.items()}
    )


def _with_plain_discriminator(node: dict[str, Any]) -> dict[str, Any]:
    """Keep only `propertyName`: the mapping points at definitions that are gone by now."""
    if isinstance(node.get("discriminator"), dict):
        node["discriminator"] = {"propertyName": node["discriminator"]["propertyName"]}
    for name, field in node.get("properties", {}).items():
        if isinstance(field, dict) and list(field.get("enum", ())) and "title" not in field:
            field["title"] = name.replace("_", " ").capitalize()
            field["description"] = f"Always {field['enum'][0]!r} here."
            field["default"] = field["enum"][0]
    return node
