"""`wayfare doctor` and `wayfare systems`: what there is, and whether it works."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from wayfare import __version__
from wayfare.cli.place import make_home
from wayfare.cli.request import address_of
from wayfare.cli.screen import console, print_json
from wayfare.core.amounts import duration
from wayfare.core.errors import WayfareError
from wayfare.core.findings import Severity
from wayfare.kernel.loader import load
from wayfare.settings import Settings
from wayfare.systems.registry import Adapter, databases, open_database

GOOD, POOR, BAD = "ok", "note", "failed"
MARKS = {GOOD: ("✓", "green"), POOR: ("!", "yellow"), BAD: ("✗", "bold red")}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was looked at, how it stands, and what to do about it."""

    what: str
    state: str
    told: str
    remedy: str = ""
    details: list[str] = field(default_factory=list)
    exit_code: int = 0


def doctor(urls: Sequence[str], *, as_json: bool) -> int:
    """0 when everything looked at works; the first failure's exit code otherwise."""
    found: list[Answer] = []
    for answer in _answers(urls):
        found.append(answer)
        if not as_json:
            _print(answer)
    code = next((a.exit_code for a in found if a.state == BAD), 0)
    if as_json:
        print_json({"answers": [asdict(a) for a in found], "exit_code": code})
    return code


def systems(*, as_json: bool) -> int:
    adapters = list(databases().values())
    if as_json:
        print_json({"systems": [_system_json(a) for a in adapters]})
        return 0
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("system", "copies", "driver", "example"):
        grid.add_column(name, overflow="fold", no_wrap=name == "driver")
    for adapter in adapters:
        ways = "from" if adapter.source_only else "from, to"
        grid.add_row(adapter.title, ways, _driver_text(adapter), adapter.example)
    console().print(grid)
    return 0


def _answers(urls: Sequence[str]) -> Iterator[Answer]:
    yield Answer("wayfare", GOOD, f"{__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")
    yield _kernels()
    for adapter in databases().values():
        yield _driver(adapter)
    yield from _place()
    for url in urls:
        yield _reached(url)


def _kernels() -> Answer:
    """The native parts are found as the adapters are: by folder."""
    packages = ["wayfare.kernel", *(f"wayfare.systems.databases.{name}" for name in databases())]
    sources = [p for p in packages if (_folder(p) / "_native.c").exists()]
    built = [p for p in sources if load(p) is not None]
    missing = [p for p in sources if p not in built]
    names = ", ".join(p.rpartition(".")[2] for p in built) or "none"
    if not missing:
        return Answer("native kernels", GOOD, names)
    slower = ", ".join(p.rpartition(".")[2] for p in missing)
    remedy = "Build them with a C compiler: python setup.py build_ext --inplace"
    return Answer("native kernels", POOR, f"{names}; not built, so slower: {slower}", remedy)


def _folder(package: str) -> Path:
    return Path(__file__).parents[1].joinpath(*package.split(".")[1:])


def _driver(adapter: Adapter) -> Answer:
    if not adapter.missing:
        return Answer(adapter.title, GOOD, _driver_text(adapter))
    remedy = f"Install it with: uv pip install 'wayfare[{adapter.extra}]'" if adapter.extra else "Reinstall Wayfare."
    return Answer(adapter.title, POOR, _driver_text(adapter), remedy)


def _driver_text(adapter: Adapter) -> str:
    if adapter.missing:
        return f"{', '.join(adapter.missing)} is not installed"
    return ", ".join(_module_version(d) for d in adapter.drivers) or "comes with Python"


def _module_version(module: str) -> str:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return "comes with Python"
    try:
        return f"{top} {version(packages_distributions().get(top, [top])[0])}"
    except PackageNotFoundError:
        return top


def _place() -> Iterator[Answer]:
    try:
        settings = Settings.read(os.environ)
    except WayfareError as error:
        yield _failed("settings", error)
        return
    writable = _tried("data directory", lambda: _make_home(settings.home))
    yield writable
    if writable.state == GOOD:
        yield _tried("store", lambda: _open_store(settings))


def _make_home(home: Path) -> str:
    make_home(home)
    return str(home)


def _open_store(settings: Settings) -> str:
    from wayfare.store.store import Store

    with closing(Store.open(settings)):
        return "embedded (SQLite)" if settings.embedded else "shared (PostgreSQL)"


def _reached(url: str) -> Answer:
    began = time.monotonic()
    try:
        address = address_of(url, "url")
        with open_database(address) as database:
            facts = database.check()
    except WayfareError as error:
        return _failed(_shown(url), error)
    details = [f"{f.severity}: {f.where}{': ' * bool(f.where)}{f.message} {f.advice}".strip() for f in facts.findings]
    state = BAD if any(f.severity is Severity.ERROR for f in facts.findings) else GOOD
    told = f"{facts.version}, answered in {duration(time.monotonic() - began)}"
    return Answer(str(address), state, told, details=details, exit_code=1 if state == BAD else 0)


def _shown(url: str) -> str:
    """A URL that could not be parsed may hold a password: only its system is repeated."""
    return f"{url.partition('://')[0]}://…" if "://" in url else "url"


def _tried(what: str, act: Callable[[], str]) -> Answer:
    try:
        return Answer(what, GOOD, act())
    except WayfareError as error:
        return _failed(what, error)


def _failed(what: str, error: WayfareError) -> Answer:
    where = f"{error.where}: " if error.where else ""
    return Answer(what, BAD, where + error.message, error.remedy, exit_code=error.exit_code)


def _print(answer: Answer) -> None:
    sign, style = MARKS[answer.state]
    out = console()
    out.print(Text.assemble((f"{sign} ", style), (answer.what, "bold"), f"  {answer.told}"), soft_wrap=True)
    for extra in [*answer.details, answer.remedy]:
        if extra:
            out.print(Text(f"  {extra}", style="cyan"), soft_wrap=True)


def _system_json(adapter: Adapter) -> dict[str, Any]:
    return {
        "name": adapter.name,
        "title": adapter.title,
        "aliases": list(adapter.aliases),
        "example": adapter.example,
        "source_only": adapter.source_only,
        "drivers": list(adapter.drivers),
        "missing": list(adapter.missing),
    }
