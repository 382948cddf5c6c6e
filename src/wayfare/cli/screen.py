"""Where output goes: people's on a console, machines' as JSON."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from typing import Any

from rich.console import Console

PIPE_WIDTH = 160


@lru_cache(maxsize=1)
def console() -> Console:
    """In a pipe there is no width to fit into, so tables get room."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made


@lru_cache(maxsize=1)
def errors_console() -> Console:
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
