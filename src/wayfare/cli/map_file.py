"""The file of `--map`: which types columns get in the target, and which names tables get. docs/map.md shows it.

[columns]
"orders.total" = "decimal(12,2)"

[tables]
"old_orders" = "orders"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wayfare.core.errors import Invalid, NotFound

SECTIONS = ("columns", "tables")


@dataclass(frozen=True, slots=True)
class MapFile:
    columns: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> MapFile:
    """Raises NotFound for a missing file, Invalid for one that is not such a map, naming the place in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}.", where="--map", remedy="Check its name.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}.", where="--map", remedy="Give a TOML file.") from error
    try:
        return parse(text)
    except ValueError as error:
        raise Invalid(f"{path}: {error}.", where="--map", remedy="docs/map.md shows how such a file looks.") from error


def parse(text: str) -> MapFile:
    """Raises ValueError, saying where."""
    found = tomllib.loads(text)
    if strangers := sorted(set(found) - set(SECTIONS)):
        raise ValueError(f"[{strangers[0]}] is unknown; there are [columns] and [tables]")
    return MapFile(_section(found, "columns"), _section(found, "tables"))


def _section(found: Mapping[str, object], name: str) -> dict[str, str]:
    section = found.get(name, {})
    if not isinstance(section, dict):
        raise ValueError(f"{name} must be a section, [{name}]")
    for key, value in section.items():
        if isinstance(value, dict):
            raise ValueError(
                f'[{name}]: write {key} and what follows its dot in quotes, "{key}.{next(iter(value), "…")}"'
            )
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f'[{name}] "{key}" must be a text, in quotes')
    return dict(section)
