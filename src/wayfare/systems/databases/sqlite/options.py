"""What the options of an SQLite URL mean: `sqlite:///shop.db?busy_seconds=30&snapshot=off`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wayfare.core.address import Address
from wayfare.core.errors import Invalid

_KNOWN = ("busy_seconds", "snapshot")


@dataclass(frozen=True, slots=True)
class Options:
    path: Path
    busy_seconds: float = 10.0  # how long to wait for another program's lock
    snapshot: bool = True  # keep writers out while a copy reads this file


def parse(address: Address) -> Options:
    """Raises Invalid for an option that is not known, and for a URL without a path."""
    if strangers := sorted(set(address.options) - set(_KNOWN)):
        raise Invalid(f"unknown option {strangers[0]!r}.", where="url", remedy=f"Known are {', '.join(_KNOWN)}.")
    if address.host or not address.database:
        raise Invalid(
            "an SQLite URL names a file.",
            where="url",
            remedy="Write sqlite:///relative.db or, with four slashes, sqlite:////absolute/path.db.",
        )
    return Options(
        Path(address.database).absolute(),
        _seconds(address.options.get("busy_seconds", "10")),
        _switch(address.options.get("snapshot", "on")),
    )


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a number of seconds.", where="busy_seconds") from error


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise Invalid(f"{text!r} is neither on nor off.", where="snapshot")
    return text == "on"
