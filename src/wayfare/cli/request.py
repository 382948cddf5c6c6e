"""From the options of a command to a `CopyRequest`, with the passwords from wherever they are."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from wayfare.cli import map_file
from wayfare.copy.request import CopyRequest
from wayfare.core.address import SIGN, Address
from wayfare.core.errors import Invalid, Unauthenticated, WayfareError
from wayfare.core.ports import Mode
from wayfare.core.redacted import Redacted
from wayfare.systems.registry import adapter, open_database

T = TypeVar("T")

PASSWORD_VARIABLES = {"source": "WAYFARE_SOURCE_PASSWORD", "target": "WAYFARE_TARGET_PASSWORD"}
PROMPTS_MAX = 3


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """As they stand on the command line."""

    source: str
    target: str
    tables: Sequence[str] = ()
    exclude: Sequence[str] = ()
    schema_only: bool = False
    data_only: bool = False
    mode: str = Mode.REPLACE.value
    incremental: bool = False
    cursor: str = ""
    since: str = ""
    deletes: bool = False
    keep_replaced: bool = False
    type_file: Path | None = None
    masks: Sequence[str] = ()
    allow_loss: Sequence[str] = ()
    workers: int = 0
    rows_per_second: int = 0
    rows_per_chunk: int = 0


def request_of(options: CopyOptions) -> CopyRequest:
    """Raises Invalid, naming the option, before anything is opened."""
    mapped = map_file.read(options.type_file) if options.type_file else map_file.MapFile()
    return CopyRequest(
        source=address_of(options.source, "source"),
        target=address_of(options.target, "target"),
        tables=_split(options.tables),
        exclude=_split(options.exclude),
        schema_only=options.schema_only,
        data_only=options.data_only,
        mode=_mode(options.mode),
        incremental=options.incremental,
        cursor=options.cursor,
        since=options.since,
        workers=options.workers,
        rows_per_second=options.rows_per_second,
        type_map=mapped.columns,
        renames=mapped.tables,
        allow_loss=_split(options.allow_loss),
        masks=tuple(options.masks),
        keep_replaced=options.keep_replaced,
        deletes=options.deletes,
        rows_per_chunk=options.rows_per_chunk,
    )


def address_of(url: str, role: str) -> Address:
    """A URL, with the password from the environment where it has none; or `@name`, a saved connection.

    Raises Invalid for an unknown system, NotFound for a name that is not there.
    """
    if url.startswith(SIGN):
        return _saved(url, role)
    address = Address.parse(url, where=role)
    adapter(address.system)
    variable = PASSWORD_VARIABLES.get(role, "")
    if not address.password and os.environ.get(variable):
        return replace(address, password=Redacted(os.environ[variable]))
    return address


def _saved(name: str, role: str) -> Address:
    from wayfare.cli.place import opened_store  # the store's libraries take as long as everything else together
    from wayfare.control.connections import address_of as saved

    with opened_store() as (_, store):
        return saved(store, name, role)


def asking_passwords(request: CopyRequest, act: Callable[[CopyRequest], T]) -> T:
    """Do `act`; where a server wants a password that was not given, and somebody sits there to ask, ask for it.

    Raises what `act` raises, and Unauthenticated when there is nobody to ask or the answers are wrong.
    """
    open_roles = [role for role in PASSWORD_VARIABLES if not getattr(request, role).password]
    prompts = 0
    while True:
        try:
            return act(request)
        except Unauthenticated as error:
            role = next((role for role in open_roles if _refused(getattr(request, role))), "")
            if not role or prompts == PROMPTS_MAX or not sys.stdin.isatty():
                raise _with_hint(error, role) from error
        prompts += 1
        password = getpass.getpass(f"Password for the {role}, {getattr(request, role)}: ")
        request = replace(request, **{role: replace(getattr(request, role), password=Redacted(password))})


def _refused(address: Address) -> bool:
    """Is this the side that wants another password? Whatever else may be wrong there is told by `act`."""
    try:
        with open_database(address) as database:
            database.check()
    except Unauthenticated:
        return True
    except WayfareError:
        return False
    return False


def _with_hint(error: Unauthenticated, role: str) -> Unauthenticated:
    if not role:
        return error
    remedy = f"Give the password in {PASSWORD_VARIABLES[role]}, or in the URL."
    return Unauthenticated(error.message, where=error.where or role, remedy=remedy)


def _split(patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(part for pattern in patterns for p in pattern.split(",") if (part := p.strip()))


def _mode(name: str) -> Mode:
    try:
        return Mode(name)
    except ValueError:
        known = ", ".join(Mode)
        raise Invalid(f"there is no mode {name!r}.", where="--mode", remedy=f"There are: {known}.") from None
