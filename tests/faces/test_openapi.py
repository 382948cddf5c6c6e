"""The committed descriptions are those of the faces, and no change of them breaks a client (check 41)."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from faces.breaking import breaking
from faces.describe import FOLDER, described, text
from wayfare.faces.http.face import faces

NAMES = sorted([*(face.name for face in faces()), "shell"])


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return described()


def committed(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_breaks(found: dict[str, Any], name: str) -> None:
    assert breaking(committed(name), found[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_description_is_true(found: dict[str, Any], name: str) -> None:
    """Otherwise: uv run python tests/faces/describe.py"""
    assert text(committed(name)) == text(found[name])


def test_no_description_is_left_over() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_operations_have_names_of_their_own(found: dict[str, Any], name: str) -> None:
    """Generated clients call their methods so."""
    ids = [o["operationId"] for methods in found[name]["paths"].values() for o in methods.values()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch("[a-z][a-z0-9_]*", i) for i in ids)


def run_path(description: Any) -> Any:
    return description["paths"]["/api/runs"]


BREAKS: dict[str, tuple[Callable[[Any], object], str]] = {
    "route": (lambda d: d["paths"].pop("/api/runs/{run}/journal"), "removed"),
    "parameter": (lambda d: run_path(d)["get"]["parameters"].pop(), "no longer taken"),
    "needed parameter": (lambda d: run_path(d)["get"]["parameters"][0].update(required=True), "newly required"),
    "field of an answer": (lambda d: d["components"]["schemas"]["RunAnswer"]["properties"].pop("title"), "removed"),
    "field sometimes": (lambda d: d["components"]["schemas"]["RunAnswer"]["required"].remove("title"), "no longer"),
    "needed field": (lambda d: d["components"]["schemas"]["CopyBody"]["required"].append("mode"), "newly required"),
    "word of a request": (lambda d: d["components"]["schemas"]["Mode"]["enum"].pop(), "no longer taken"),
    "type": (lambda d: d["components"]["schemas"]["CopyBody"]["properties"]["cursor"].update(type="integer"), "became"),
    "answer": (lambda d: run_path(d)["post"]["responses"].pop("201"), "answer 201 removed"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaks_are_found(found: dict[str, Any], name: str) -> None:
    change, told = BREAKS[name]
    changed = copy.deepcopy(found["wayfare"])
    change(changed)
    problems = breaking(found["wayfare"], changed)
    assert any(told in problem for problem in problems), problems


def test_what_is_more_breaks_nobody(found: dict[str, Any]) -> None:
    changed = copy.deepcopy(found["wayfare"])
    changed["paths"]["/api/more"] = changed["paths"]["/api/runs"]
    changed["components"]["schemas"]["RunAnswer"]["properties"]["more"] = {"type": "string"}
    changed["components"]["schemas"]["CopyBody"]["properties"]["more"] = {"type": "string"}
    assert breaking(found["wayfare"], changed) == []
