"""What the options of a DuckDB URL mean: `duckdb:///warehouse.duckdb?memory_limit=2GB&threads=4`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from wayfare.core.address import Address
from wayfare.core.errors import Invalid

_KNOWN = ("memory_limit", "threads", "external_access")


@dataclass(frozen=True, slots=True)
class Options:
    path: Path
    memory_limit: str = ""  # as DuckDB writes it: "2GB"; "" is a little, and what large indexes need
    threads: int = 0  # 0: one for each core
    external_access: bool = True  # may views and expressions read other files, and call servers?


def parse(address: Address) -> Options:
    """Raises Invalid for an option that is not known, and for a URL without a path."""
    if strangers := sorted(set(address.options) - set(_KNOWN)):
        raise Invalid(f"unknown option {strangers[0]!r}.", where="url", remedy=f"Known are {', '.join(_KNOWN)}.")
    if address.host or not address.database or address.database.startswith(":memory:"):
        raise Invalid(
            "a DuckDB URL names a file.",
            where="url",
            remedy="Write duckdb:///relative.duckdb or, with four slashes, duckdb:////absolute/path.duckdb.",
        )
    return Options(
        Path(address.database).absolute(),
        _size(address.options.get("memory_limit", "")),
        _count(address.options.get("threads", "0")),
        _switch(address.options.get("external_access", "on")),
    )


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise Invalid(f"{text!r} is neither on nor off.", where="external_access")
    return text == "on"


def _size(text: str) -> str:
    if text and not re.fullmatch(r"\d+(\.\d+)?\s*([KMGT]i?B)", text, re.IGNORECASE):
        raise Invalid(f"{text!r} is not a size.", where="memory_limit", remedy="Write one like 2GB.")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise Invalid(f"{text!r} is not a number.", where="threads")
    return int(text)
