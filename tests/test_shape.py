"""House rules that a linter cannot say: small modules, functions and classes; one word a thing, one place a system."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "wayfare"
SYSTEMS = SOURCE / "systems" / "databases"
LINES_PER_MODULE_MAX = 400
LINES_PER_FUNCTION_MAX = 60
METHODS_PER_CLASS_MAX = 20
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
STRANGERS = {  # words that say nothing, or that another word of docs/glossary.md already says
    *("job", "task", "manager", "helper", "helpers", "util", "utils", "common", "misc", "session", "operation"),
    *("destination", "dest", "execution"),
}
MAY_NAME_SYSTEMS = {
    "copy/demo.py",  # somebody must choose the two systems of the demo
    "schema/text",  # dialects of SQL have the names of systems
    "schema/lint",
    "schema/probes.py",
    "schema/recipes",  # … each written for some of them
    "faces",  # a face speaks the words of its document, and some of those are names of systems
    "settings.py",  # which databases can hold our own records
    "store",  # … and how they differ
    "engine",  # … also for DBOS's records
    "systems/registry.py",
}


def modules() -> list[Path]:
    return sorted(p for p in SOURCE.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Of a module: to walk through them all takes longer than to parse it."""
    return tuple(ast.walk(tree(path)))


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def own_methods(node: ast.ClassDef) -> set[str]:
    """What the ports ask of an adapter does not count: their number is not the adapter's choice."""
    return {n.name for n in node.body if isinstance(n, FUNCTIONS)} - port_methods()


@cache
def port_methods() -> frozenset[str]:
    classes = [n for n in nodes(SOURCE / "core" / "ports.py") if isinstance(n, ast.ClassDef)]
    return frozenset(n.name for c in classes for n in c.body if isinstance(n, FUNCTIONS))


def test_small():
    assert {name(path): large for path in modules() if (large := _large(path))} == {}


def _large(path: Path) -> list[str]:
    found = ["module"] if len(path.read_text(encoding="utf-8").splitlines()) > LINES_PER_MODULE_MAX else []
    for node in nodes(path):
        if isinstance(node, FUNCTIONS) and node.end_lineno - node.lineno >= LINES_PER_FUNCTION_MAX:
            found.append(node.name)
        if isinstance(node, ast.ClassDef) and len(own_methods(node)) > METHODS_PER_CLASS_MAX:
            found.append(node.name)
    return found


def test_each_module_says_what_it_is():
    assert [name(path) for path in modules() if not ast.get_docstring(tree(path))] == []


def test_one_status_enum():
    found = [(name(p), n.name) for p in modules() for n in nodes(p) if _is_enum(n) and "Status" in n.name]
    assert found == [("core/status.py", "Status")]


def _is_enum(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)


def test_no_strangers():
    """Below the faces, no module or class is called by a word that is not in the glossary."""
    below = [path for path in modules() if not path.is_relative_to(SOURCE / "faces")]
    assert {name(path): strangers for path in below if (strangers := _strangers(path))} == {}


def _strangers(path: Path) -> set[str]:
    classes = [n.name for n in nodes(path) if isinstance(n, ast.ClassDef)]
    parts = [*path.relative_to(SOURCE).with_suffix("").parts, *classes]
    words = {w.lower() for part in parts for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", part)}
    return words & STRANGERS


@cache
def system_names() -> frozenset[str]:
    """Every adapter's folder and aliases, read from its ADAPTER without importing it."""
    names = set()
    for init in SYSTEMS.glob("*/__init__.py"):
        names.add(init.parent.name)
        for node in nodes(init):
            if isinstance(node, ast.keyword) and node.arg == "aliases":
                names |= set(ast.literal_eval(node.value))
    return frozenset(names)


def test_nobody_outside_its_folder_names_a_system():
    """Neither as an import nor as a text of its own: what differs between systems is the adapter's answer."""
    assert {name(path): named for path in modules() if (named := _foreign_systems(path))} == {}


def _foreign_systems(path: Path) -> set[str]:
    if any(path.is_relative_to(SOURCE / place) for place in MAY_NAME_SYSTEMS):
        return set()
    own = path.relative_to(SYSTEMS).parts[0] if path.is_relative_to(SYSTEMS) else ""
    found = {word for word in _names_used(path) if word in system_names() and word != own}
    own_names = _aliases_in(SYSTEMS / own) if own else set()
    return found - own_names


def _aliases_in(folder: Path) -> set[str]:
    """An adapter may tell the systems apart that it serves itself (MySQL and MariaDB)."""
    init = folder / "__init__.py"
    if not init.exists():
        return set()
    keywords = (n for n in nodes(init) if isinstance(n, ast.keyword) and n.arg == "aliases")
    return {alias for keyword in keywords for alias in ast.literal_eval(keyword.value)}


def _names_used(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wayfare.systems.databases."):
            yield str(node.module).split(".")[3]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
            if re.fullmatch(r"\w+://\S*", node.value):
                yield node.value.partition("://")[0]
