"""The figures of schema changes in docs/benchmarks.md: a section of their own, in which each part replaces its own."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Sequence

from benchmarks import document, machine
from benchmarks.places import DOCUMENT
from benchmarks.results import Figure

HEADING = "## Schema changes"
INTRODUCTION = f"""\
{HEADING}

Measured by one command, on servers that it starts itself; a part by itself with its name behind it:

    uv run python -m benchmarks.schema

"""
_PART = re.compile(r"^### (\w+)\n.*?(?=^### |\Z)", re.MULTILINE | re.DOTALL)


def write(name: str, about: str, figures: Sequence[Figure]) -> None:
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(replaced(text, name, section(name, about, figures)))


def section(name: str, about: str, figures: Sequence[Figure]) -> str:
    today, load = datetime.date.today().isoformat(), os.getloadavg()[2]
    rows = [(f.what, document.amount(f), *document.limit(f)) for f in figures]
    table = document.table(("what", "measured", "at most", "met"), rows)
    command = f"`uv run python -m benchmarks.schema {name}`"
    where = f"{machine.revision()}; load of the last quarter of an hour: {load:.1f}"
    return f"### {name}\n\n{about}\n\n{table}\nMeasured on {today} with {command} ({where}).\n"


def replaced(text: str, name: str, made: str) -> str:
    """The page with this part anew; the others stay as they are. Pure."""
    kept = of_page(text)
    parts = {found[1]: found[0].rstrip() + "\n" for found in _PART.finditer(kept)} | {name: made}
    before = text.removesuffix(kept).rstrip() + "\n\n"
    return before + INTRODUCTION + "\n".join(parts.values())


def of_page(text: str) -> str:
    """The whole section, "" where there is none: it is the last of the page."""
    found = text.find(HEADING + "\n")
    return "" if found < 0 else text[found:]
