"""`Host=…;Database=…;Username=…;Password=…`, as document 001 writes addresses; a URL or `@name` is understood, too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from wayfare.control.connections import address_of as saved_address
from wayfare.core.address import SIGN, Address
from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted
from wayfare.faces.http.callers import Caller
from wayfare.systems.registry import adapter

# The words of ADO.NET's providers, in small letters and without blanks.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "host": "host",
        "server": "host",
        "datasource": "host",
        "address": "host",
        "port": "port",
        "database": "database",
        "initialcatalog": "database",
        "username": "user",
        "userid": "user",
        "user": "user",
        "uid": "user",
        "password": "password",
        "pwd": "password",
    }
)
_PART = re.compile(r"\s*([^=;]+?)\s*=\s*(?:'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"|([^;]*))\s*(?:;|$)")


def address_of(text: str, system: str, where: str, caller: Caller) -> Address:
    """Raises Invalid, naming `where` and never repeating a value; NotFound for an unknown `@name`."""
    text = text.strip()
    if text.startswith(SIGN) or re.match(r"[A-Za-z][A-Za-z0-9+-]*://", text):
        found = saved_address(caller.store, text, where)
        if adapter(found.system).name != system:
            told = f"it is an address of {adapter(found.system).title}."
            raise Invalid(told, where=where, remedy="Let `type` say the same.")
        return found
    return _parsed(text, system, where)


def _parsed(text: str, system: str, where: str) -> Address:
    given: dict[str, str] = {}
    options: dict[str, str] = {}
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            told = "it is no connection string."
            raise Invalid(told, where=where, remedy="Write it like Host=db;Database=app;Username=me;Password=secret.")
        position = part.end()
        quoted = part[2] if part[2] is not None else part[3]
        value = quoted.replace("''", "'").replace('""', '"') if quoted is not None else part[4].strip()
        word = part[1].lower().replace(" ", "")
        if word in WORDS:
            given[WORDS[word]] = value
        else:
            options[part[1].strip().lower()] = value
    return _address(given, options, system, where)


def _address(given: Mapping[str, str], options: Mapping[str, str], system: str, where: str) -> Address:
    host, _, comma_port = given.get("host", "").partition(",")  # Server=host,1433
    port = given.get("port") or comma_port.strip() or "0"
    if not port.isdecimal() or int(port) > 65535:
        raise Invalid("the port is no number up to 65535.", where=where, remedy="Correct Port=….")
    in_a_file = adapter(system).in_a_path
    if not host and not in_a_file:
        raise Invalid("it names no host.", where=where, remedy="Add Host=….")
    return Address(
        system=system,
        host="" if in_a_file else host,
        port=int(port),
        database=given.get("database", "") or (host if in_a_file else ""),
        user=given.get("user", ""),
        password=Redacted(given.get("password", "")),
        options=dict(options),
    )
