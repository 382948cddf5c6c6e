"""What the options of an SQLite URL mean: `sqlite:///shop.db?busy_seconds=30&snapshot=off`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wayfare.core.address import Address
from wayfare.core.errors import Invalid

_KNOWN = ("busy_seconds", "snapshot", "lease_seconds")


@dataclass(frozen=True, slots=True)
class Options:
    path: Path
    busy_seconds: float = 10.0  # how long to wait for another program's lock
    snapshot: bool = True  # keep writers out while a copy reads this file
    lease_seconds: float = 30.0  # how long the lock of a schema outlives a runner that died


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
        _seconds(address.options, "busy_seconds", 10.0),
        _switch(address.options.get("snapshot", "on")),
        _seconds(address.options, "lease_seconds", 30.0),
    )


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    text = given.get(name)
    if text is None:
        return default
    try:
        return float(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a number of seconds.", where=name) from error


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise Invalid(f"{text!r} is neither on nor off.", where="snapshot")
    return text == "on"
