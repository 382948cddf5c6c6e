"""The one command: `uv run python -m benchmarks.schema [PART…]`; exit code 0 when every limit was kept, else 1.

Each part writes its own section of docs/benchmarks.md; `--quick` leaves the page alone.
"""

from __future__ import annotations

import sys
from types import ModuleType

from benchmarks import machine
from benchmarks.results import Figure
from benchmarks.schema import contenders, estimates, killed, lockqueue, page, revisions, truth, watching

PARTS: dict[str, ModuleType] = {
    "lockqueue": lockqueue,
    "contenders": contenders,
    "kill9": killed,
    "truth": truth,
    "estimates": estimates,
    "watching": watching,
    "revisions": revisions,
}


def main(words: list[str]) -> int:
    names = [word for word in words if word != "--quick"]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; parts: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    machine.compile_bytecode()
    kept = [measured(name, written="--quick" not in words) for name in names or PARTS]
    return 0 if all(kept) else 1


def measured(name: str, *, written: bool) -> bool:
    about = (PARTS[name].__doc__ or "").strip()
    print(f"{name}: {about}", flush=True)
    found: list[Figure] = []
    for figure in PARTS[name].figures():
        beside = "" if figure.most is None else f"  at most {figure.most:g}  {'kept' if figure.met else 'BROKEN'}"
        print(f"  {figure.what:90}{figure.value:9.2f} {figure.unit}{beside}", flush=True)
        found.append(figure)
    if written:
        page.write(name, about, found)
    return all(figure.met for figure in found)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
