"""The documentation is complete and true: what people set, run or meet has its heading; links and commands exist."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from wayfare.cli.app import app
from wayfare.core import errors
from wayfare.flow.limits import REASONS
from wayfare.main import serve
from wayfare.systems.registry import databases

app.command("serve")(serve)  # as wayfare.main does
ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "wayfare"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@cache
def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def headings(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"^#+ +(.+?) *$", FENCE.sub("", page(name)), re.MULTILINE))


@cache
def modules() -> dict[Path, ast.Module]:
    return {p: ast.parse(p.read_text(encoding="utf-8")) for p in sorted(SOURCE.rglob("*.py"))}


# Settings


@cache
def settings() -> set[str]:
    texts = [p.read_text(encoding="utf-8") for p in SOURCE.rglob("*.py")]
    return {name for text in texts for name in re.findall(r"WAYFARE_[A-Z0-9_]*[A-Z0-9]", text)}


def test_every_setting_has_a_heading_and_no_other():
    assert {h for h in headings("docs/settings.md") if h.startswith("WAYFARE_")} == settings()


# Errors and findings


def error_codes() -> set[str]:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.WayfareError)]
    return {k.code for k in kinds}


@cache
def finding_codes() -> set[str]:
    """What every Finding(…) has as its code: a text, an f-string (`…` for a hole), or a constant of its module."""
    codes = set(REASONS)  # broken limits: the code comes with the values
    for tree in modules().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Finding":
                codes |= set(_codes(node, tree))
    return codes


def _codes(call: ast.Call, module: ast.Module) -> Iterator[str]:
    for code in [*call.args[:1], *(k.value for k in call.keywords if k.arg == "code")]:
        if isinstance(code, ast.Constant):
            yield str(code.value)
        if isinstance(code, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in code.values)
        if isinstance(code, ast.Name) and code.id.isupper():
            yield from _constants(module)


def _constants(module: ast.Module) -> Iterator[str]:
    """All of them: some reach a Finding by way of a variable."""
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def test_codes_are_spelled_alike():
    assert [code for code in error_codes() | finding_codes() if not re.fullmatch(r"[a-z…]+(_[a-z]+)*", code)] == []


def test_errors_and_findings_have_a_heading():
    assert {code for code in error_codes() | finding_codes() if f"`{code}`" not in headings("docs/errors.md")} == set()


def test_no_code_is_documented_that_does_not_exist():
    documented = {h.strip("`") for h in headings("docs/errors.md") if h.startswith("`")}
    texts = "\n".join(p.read_text(encoding="utf-8") for p in SOURCE.rglob("*.py"))
    assert not {code for code in documented if code.strip("…_") not in texts}


# Commands


@cache
def root() -> Any:
    return typer.main.get_command(app)


@cache
def commands() -> dict[tuple[str, ...], Any]:
    """By their words."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        if words:
            yield words, command
        for name, found in getattr(command, "commands", {}).items():
            yield from walk(found, (*words, name))

    return dict(walk(root(), ()))


def test_commands_are_documented():
    text = page("docs/commands.md")
    assert {words[0] for words in commands() if f"wayfare {words[0]}" not in headings("docs/commands.md")} == set()
    assert {w for words in commands() for w in words if not re.search(rf"\b{w}\b", text)} == set()


def test_options_are_documented():
    options = {o for command in commands().values() for p in command.params for o in p.opts if o.startswith("--")}
    assert {option for option in options if option not in page("docs/commands.md")} == set()


def written_commands() -> list[str]:
    """Every `wayfare …` in a fenced block or in backticks."""
    found = set()
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        lines = [line for kind, block in FENCE.findall(text) if kind == "sh" for line in block.splitlines()]
        lines += re.findall(r"`((?:uv run )?wayfare [^`]+)`", FENCE.sub("", text).replace("\n", " "))
        found |= {line.partition("#")[0].strip().removeprefix("uv run ") for line in lines}
    return sorted(line for line in found if line.startswith("wayfare "))


@pytest.mark.parametrize("line", written_commands())
def test_written_commands_exist(line):
    """The words name a command, and it has the options."""
    command = root()
    for word in shlex.split(line.replace("…", ""))[1:]:
        inner = getattr(command, "commands", {})
        if word.startswith("-"):
            known = {option for parameter in command.params for option in parameter.opts}
            assert word.partition("=")[0] in known | {"--help"}
        elif word in inner:
            command = inner[word]
        else:
            assert not inner or word.isupper() or "[" in word, f"{command.name} has no command {word}"


def test_the_readme_begins_with_commands_that_are_there():
    blocks = [block.strip() for kind, block in FENCE.findall(page("README.md")) if kind == "sh"]
    assert blocks[0] == "pip install uv\nuv run wayfare demo"
    assert blocks[1] == "uv run pytest"
    assert re.search(r"\buv run pytest$", page(".ci/run"), re.MULTILINE), "CI runs the README's test command"


# Systems and dependencies


@pytest.mark.parametrize("name", sorted(databases()))
def test_systems_have_a_heading(name):
    adapter = databases()[name]
    assert adapter.title in headings("docs/systems.md")
    assert f"{name}://" in page("docs/systems.md")
    assert all(f"{alias}://" in page("docs/systems.md") for alias in adapter.aliases)


def dependencies() -> list[str]:
    project = tomllib.loads(page("pyproject.toml"))
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    groups += project["project"].get("optional-dependencies", {}).values()
    return sorted({re.match(r"[\w.-]+", need).group() for group in groups for need in group})


@pytest.mark.parametrize("name", dependencies())
def test_dependencies_have_a_licence_and_a_reason(name):
    cells = [line.split("|") for line in page("docs/dependencies.md").splitlines() if line.startswith(f"| {name} |")]
    assert len(cells) == 1
    assert all(cell.strip() for cell in cells[0][1:4])


def test_no_dependency_is_documented_that_is_not_there():
    rows = re.findall(r"^\| ([\w.-]+) \|", page("docs/dependencies.md"), re.MULTILINE)
    assert set(rows) - {"package"} == set(dependencies())


# Links and words


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), target
        if anchor:
            anchors = {
                re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings(str(found.relative_to(ROOT)))
            }
            assert anchor in anchors, target


def test_the_glossary_has_every_status():
    from wayfare.core.status import Status

    assert all(f"**{status}**" in page("docs/glossary.md") for status in Status)


def test_toml_examples_are_maps():
    from wayfare.cli.map_file import parse

    for kind, block in FENCE.findall(page("docs/map.md")):
        if kind == "toml":
            assert parse(block).columns


def test_the_licence_is_whole():
    assert "Apache License" in page("LICENSE")
    assert "END OF TERMS AND CONDITIONS" in page("LICENSE")


def test_help_is_as_documented():
    """The two names of the command are one."""
    scripts = tomllib.loads(page("pyproject.toml"))["project"]["scripts"]
    assert scripts["wayfare"] == scripts["migration-assistant"] == "wayfare.main:run"
    done = subprocess.run(
        [sys.executable, "-c", "from wayfare.main import run; run()", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for words in commands():
        assert words[0] in done.stdout


# Checks


def test_every_check_is_shown_or_waits_with_its_reason():
    rows = re.findall(r"^\| (\d+) \|.*\| (.+) \|$", page("docs/checks.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 46))
    for number, shown in rows:
        tests = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", shown)
        assert tests or re.search(r"`uv |`\.ci/run`|waits: ", shown), f"check {number}"
        for path, name in tests:
            assert f"def {name}" in page(path), f"check {number}: {path} has no {name}"
