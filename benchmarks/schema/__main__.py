"""The one command: `uv run python -m benchmarks.schema [PART…]`; exit code 0 when every limit was kept, else 1."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.schema import contenders, estimates, killed, lockqueue, revisions, truth, watching

PARTS: dict[str, Callable[[], bool]] = {
    "lockqueue": lockqueue.run,
    "contenders": contenders.run,
    "kill9": killed.run,
    "truth": truth.run,
    "estimates": estimates.run,
    "watching": watching.run,
    "revisions": revisions.run,
}


def main(words: list[str]) -> int:
    unknown = [word for word in words if word not in PARTS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; parts: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    kept = [PARTS[name]() for name in words or PARTS]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
