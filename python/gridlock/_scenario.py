"""Scenarios as paths, texts and dicts."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Iterator, Mapping, Union

from ._program import call

Scenario = Union[str, "os.PathLike[str]", Mapping[str, Any]]
"""A path, the text of a scenario, or its fields: {"site": [{"server": "dgx_h100", "servers": 2}]}."""


@functools.lru_cache(maxsize=1)
def _schema() -> dict[str, dict[str, str]]:
    """Types of fields by message, from the program itself: {"Site": {"server": "text"}}."""
    messages = json.loads(call(["schema", "--format", "json"]))
    return {message["name"]: {field["name"]: field["type"].split(",")[0]
                              for field in message.get("fields", [])} for message in messages}


def _value(value: Any, kind: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and kind != "text":
        return repr(value)
    text = str(value)
    is_name = kind in _schema() and not _schema()[kind]  # a choice has names, no fields
    # JSON's escapes are those of the text format, but for characters beyond ASCII.
    return text if is_name else json.dumps(text, ensure_ascii=False)


def _lines(fields: Mapping[str, Any], message: str, indent: str) -> Iterator[str]:
    types = _schema().get(message, {})
    for name, value in fields.items():
        kind = types.get(name, "").removeprefix("list of ")
        # A single field of a field that is a list may stand without brackets.
        for element in value if isinstance(value, (list, tuple)) else [value]:
            if element is None:
                continue
            if isinstance(element, Mapping):
                yield f"{indent}{name} {{"
                yield from _lines(element, kind, indent + "  ")
                yield f"{indent}}}"
            else:
                yield f"{indent}{name}: {_value(element, kind)}"


def to_text(fields: Mapping[str, Any], message: str = "Scenario") -> str:
    """The text of a scenario (or of another message, "Sweep") from its fields.

    Fields of a dict stand in its order; a list repeats its field; None leaves a field out. A missing
    schema_version becomes 1. Names that the schema does not have are written as they are: the program
    refuses them with what it expected.
    """
    if message in ("Scenario", "Sweep") and "schema_version" not in fields:
        fields = {"schema_version": 1, **fields}
    return "\n".join(_lines(fields, message, "")) + "\n"


def _is_path(text: str) -> bool:
    return "\n" not in text and "{" not in text and ":" not in text or os.path.exists(text)


@contextlib.contextmanager
def as_file(scenario: Scenario, message: str = "Scenario") -> Iterator[str]:
    """The path of a file, or folder, with the scenario; written for texts and dicts."""
    if isinstance(scenario, Mapping):
        text = to_text(scenario, message)
    elif isinstance(scenario, str) and not _is_path(scenario):
        text = scenario
    else:
        yield os.fspath(scenario)
        return
    with tempfile.TemporaryDirectory(prefix="gridlock-") as folder:
        file = Path(folder) / f"{message.lower()}.textproto"
        file.write_text(text, encoding="utf-8")
        yield str(file)


def override_words(overrides: Mapping[str, Any] | None) -> list[str]:
    """["--set", "site[0].servers=4", ...]"""
    words = []
    for path, value in (overrides or {}).items():
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        words += ["--set", f"{path}={text}"]
    return words
