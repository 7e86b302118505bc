"""Makes the JSON Schemas and the readme's key tables from the declared keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from duban.matrix.schema import FILES, TABLES, File
from duban.matrix.schema_keys import Free, Key, Kind, Table

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEMPLATE = Path(__file__).with_name("readme_template.md")
_PLACE = re.compile(r"^<!-- 键表：([a-z_]+) -->$", re.MULTILINE)
_NUMBER = r"-?[0-9][0-9,]*(\.[0-9]+)?"
_SCALAR = ["string", "number", "boolean"]
_BLANK: dict[str, Any] = {"type": "null"}


def json_schemas() -> dict[str, str]:
    """The text of every schema by its file name."""
    return {
        file.file: json.dumps(json_schema(file), ensure_ascii=False, indent=2) + "\n"
        for file in FILES
    }


def json_schema(file: File) -> dict[str, Any]:
    """The JSON Schema of one kind of file: the table at its top, the others under ``$defs``."""
    below = [table for table in _below(TABLES[file.table]) if table.id != file.table]
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": TABLES[file.table].title,
        "description": f"用于 {file.path}。由 duban schema 生成，请勿手改。",
        **_table(TABLES[file.table]),
    }
    if below:
        schema["$defs"] = {table.id: {"title": table.title, **_table(table)} for table in below}
    return schema


def _below(table: Table) -> list[Table]:
    """The table and all tables under it, each once, in the order they are named."""
    found: dict[str, Table] = {table.id: table}
    waiting = [table]
    while waiting:
        for key in waiting.pop(0).keys:
            if key.of and key.of not in found:
                found[key.of] = TABLES[key.of]
                waiting.append(TABLES[key.of])
    return list(found.values())


def _table(table: Table) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key.name: _key(key) for key in table.keys},
        "additionalProperties": False,
    }
    required = [key.name for key in table.keys if key.required]
    if required:
        schema["required"] = required
    if table.free:
        schema["patternProperties"] = {table.free.pattern: _free(table.free)}
    return schema


def _free(free: Free) -> dict[str, Any]:
    key = Key("", free.kind, free.told, example=free.example[1])
    return _key(key)


def _key(key: Key) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": _described(key)}
    value = _VALUES[key.kind](key)
    schema.update(value if key.required else _or_blank(value))
    if key.example and not key.of:
        example = key.example if isinstance(key.example, str) else list(key.example)
        schema["examples"] = [example]
    return schema


def _described(key: Key) -> str:
    told = "。".join(part.rstrip("。") for part in (key.told, key.how) if part)
    words = "；".join(f"{word} {meaning}" for word, meaning in key.words)
    return re.sub(r"[`*]", "", f"{told}。{words}" if words else f"{told}。")


def _or_blank(value: dict[str, Any]) -> dict[str, Any]:
    """The same, or nothing behind the colon: a blank counts as not written."""
    if "enum" in value:
        return {**value, "enum": [*value["enum"], None]}
    if "type" in value:
        types = value["type"] if isinstance(value["type"], list) else [value["type"]]
        return {**value, "type": [*types, "null"]}
    return {"anyOf": [value, _BLANK]}


def _text(key: Key) -> dict[str, Any]:
    return {"type": _SCALAR, "minLength": 1} if key.required else {"type": _SCALAR}


def _texts(key: Key) -> dict[str, Any]:
    one = {"type": [*_SCALAR, "null"]}
    several = {"type": "array", "items": one}
    if key.required:
        several["minItems"] = 1  # type: ignore[assignment]  # a schema is a tree of anything
    return {"anyOf": [several, {"type": _SCALAR}]}


def _numeric(json_type: str, pattern: str) -> Callable[[Key], dict[str, Any]]:
    def build(key: Key) -> dict[str, Any]:
        number: dict[str, Any] = {"type": json_type}
        if key.least is not None:
            number["minimum"] = key.least
        return {"anyOf": [number, {"type": "string", "pattern": f"^({pattern})$"}]}

    return build


def _patterned(pattern: str) -> Callable[[Key], dict[str, Any]]:
    return lambda key: {"type": "string", "pattern": pattern}


_VALUES: Mapping[Kind, Callable[[Key], dict[str, Any]]] = {
    Kind.TEXT: _text,
    Kind.TEXTS: _texts,
    Kind.CHOICE: lambda key: {"enum": [word for word, _ in key.words]},
    Kind.INTEGER: _numeric("integer", "-?[0-9]{1,12}"),
    Kind.DECIMAL: _numeric("number", _NUMBER),
    Kind.FLAG: lambda key: {"enum": ["是", "否", True, False, "yes", "no"]},
    Kind.DAY: _patterned(r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$"),
    Kind.CLOCK: _patterned("^([01]?[0-9]|2[0-3]):[0-5][0-9]$"),
    Kind.ROW: lambda key: {"$ref": f"#/$defs/{key.of}"},
    Kind.ROWS: lambda key: {"type": "array", "items": {"$ref": f"#/$defs/{key.of}"}},
    Kind.BOUND: _numeric("integer", "-?[0-9]{1,12}|any"),
    Kind.POINTS: _numeric("number", _NUMBER),
    Kind.LIMIT: _numeric("number", f"{_NUMBER}|无"),
    Kind.AMOUNT: _numeric("number", f"{_NUMBER}%?"),
    Kind.SHARE: _numeric("number", f"{_NUMBER}%?"),
}


# ---- the readme --------------------------------------------------------------------------------


def readme() -> str:
    """``tasks_def/README.md``: the hand-written template with its key tables filled in."""
    text = TEMPLATE.read_text(encoding="utf-8")
    return _PLACE.sub(lambda match: key_table(TABLES[match[1]]), text)


def key_table(table: Table) -> str:
    """The keys of a table as Markdown."""
    rows = [f"| `{key.name}` | {key.told} | {_how(key)} |" for key in table.keys]
    if table.free:
        name, value = table.free.example
        rows.append(f"| 其他键 | {table.free.told} | 如 `{name}: {value}` |")
    return "\n".join(["| 键 | 意思 | 怎么写 |", "|---|---|---|", *rows])


def _how(key: Key) -> str:
    parts = ["必填"] if key.required else []
    if key.how:
        parts.append(key.how.rstrip("。"))
    if key.words:
        parts.append("；".join(f"`{word}` {meaning}" for word, meaning in key.words))
    if not parts or parts == ["必填"]:
        parts += _instance(key)
    return "。".join(parts)


def _instance(key: Key) -> list[str]:
    """An example where nothing else tells how a key is written."""
    if key.kind is Kind.ROWS or (key.kind is Kind.ROW and not key.example):
        return ["见下"] if key.of else []
    example = key.example if isinstance(key.example, str) else f"[{', '.join(key.example)}]"
    return [f"如 `{example}`"] if example else []
