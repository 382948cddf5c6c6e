r"""What a SQL Server URL means: `sqlserver://user@host:1433/db?encrypt=yes&trust_server_certificate=yes`.

A named instance is part of the host, `host%5CSQLEXPRESS`, or the option `instance`. Windows authentication is asked for
by leaving the user empty, by the user "windows", or by a user of the form DOMAIN\name, whose password is then given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted
from wayfare.systems.registry import Reach

CONNECT_SECONDS_MAX = 10
LOCK_SECONDS_MAX = 60
PORT = 1433
BROWSER_PORT = 1434
_YES = frozenset({"1", "true", "yes", "on", "mandatory"})
_NO = frozenset({"0", "false", "no", "off", "optional"})
_WINDOWS = "windows"
_KNOWN = (
    *("driver", "encrypt", "trust_server_certificate", "ca_file", "authentication", "instance", "odbc_driver"),
    *("application_intent",),
)


class Driver(StrEnum):
    TDS = "python-tds"
    NATIVE = "mssql-python"
    ODBC = "odbc"


class Encrypt(StrEnum):
    PREFERRED = "preferred"  # where the server offers it
    YES = "yes"
    NO = "no"
    LOGIN = "login"  # the login alone
    STRICT = "strict"  # TLS before TDS, as TDS 8 has it


@dataclass(frozen=True, slots=True)
class Options:
    host: str
    port: int  # 0 where the instance's is to be asked for
    instance: str
    database: str
    user: str
    password: Redacted
    driver: Driver
    encrypt: Encrypt
    trusts: bool  # is any certificate good enough?
    ca_file: str = ""
    windows: bool = False
    odbc_driver: str = ""
    read_only: bool = False  # a replica will do
    resolved: Callable[[str, int], Sequence[str]] = field(default=lambda host, port: (host,), compare=False)

    @property
    def integrated(self) -> bool:
        """Windows authentication as the user who runs this, rather than as one who is named."""
        return self.windows and not self.user


def parse(address: Address) -> Options:
    """Raises Invalid for an option or value nobody knows, and for a URL without host or database."""
    given = {name.lower().replace("-", "_"): value for name, value in address.options.items()}
    for name in given:
        if name not in _KNOWN:
            raise Invalid(f"SQL Server knows no option {name!r}.", where="url", remedy=f"Options: {', '.join(_KNOWN)}.")
    if not address.database:
        example = "sqlserver://user:password@host:1433/database"
        raise Invalid("the URL names no database.", where="url", remedy=f"Write one like {example}.")
    host, _, instance = address.host.partition("\\")
    instance = given.get("instance", instance).upper()
    user, password, windows = _login(address, given)
    encrypt = _encrypt(given)
    trusts = _switch(given, "trust_server_certificate", default=encrypt is Encrypt.PREFERRED)
    return Options(
        host=host if host not in ("", ".", "(local)") else "localhost",
        port=address.port or (0 if instance else PORT),
        instance=instance,
        database=address.database,
        user=user,
        password=password,
        driver=_driver(given),
        encrypt=encrypt,
        trusts=trusts and not given.get("ca_file"),
        ca_file=given.get("ca_file", ""),
        windows=windows,
        odbc_driver=_odbc_driver(given),
        read_only=given.get("application_intent", "").lower() == "readonly",
        resolved=address.resolved,
    )


def reach(address: Address) -> Reach:
    """Raises as `parse` does. Windows authentication without a user would be that of whoever runs this."""
    found = parse(address)
    files = [*(["ca_file"] if found.ca_file else []), *(["odbc_driver"] if "/" in found.odbc_driver else [])]
    borrowed = [] if found.user else ["user"]
    return Reach(hosts=[(found.host, found.port or BROWSER_PORT)], files=files, borrowed=borrowed)


def _odbc_driver(given: Mapping[str, str]) -> str:
    """A name, or the path of a library. It stands in a text whose parts could be ended by what else it holds."""
    name = given.get("odbc_driver", "ODBC Driver 18 for SQL Server")
    if not re.fullmatch(r"[\w .,()/+-]{1,200}", name):
        raise Invalid("this is not the name of a driver.", where="odbc_driver", remedy="List them: odbcinst -q -d")
    return name


def _login(address: Address, given: Mapping[str, str]) -> tuple[str, Redacted, bool]:
    """User, password, and whether Windows vouches for them. "windows" as both is how forms ask for it."""
    asked = given.get("authentication", "").lower()
    if asked not in ("", "sql", _WINDOWS):
        raise Invalid(f"{asked!r} is no authentication.", where="authentication", remedy="One of sql, windows.")
    user, password = address.user, address.password
    if asked == "sql":
        return user, password, False
    if user.lower() in ("", _WINDOWS):
        return "", Redacted(""), True
    return user, password, asked == _WINDOWS or "\\" in user


def _driver(given: Mapping[str, str]) -> Driver:
    if "driver" not in given:
        return Driver.NATIVE if find_spec("mssql_python") else Driver.TDS
    names = {"pytds": Driver.TDS, "mssql_python": Driver.NATIVE, "arrow-odbc": Driver.ODBC}
    asked = given["driver"].lower()
    try:
        return names.get(asked) or Driver(asked)
    except ValueError as error:
        known = ", ".join(Driver)
        raise Invalid(f"{given['driver']!r} is no driver.", where="driver", remedy=f"One of {known}.") from error


def _encrypt(given: Mapping[str, str]) -> Encrypt:
    asked = given.get("encrypt", "preferred").lower()
    if asked in _YES | _NO:
        return Encrypt.YES if asked in _YES else Encrypt.NO
    try:
        return Encrypt(asked)
    except ValueError as error:
        raise Invalid(
            f"{asked!r} is no encryption.", where="encrypt", remedy=f"One of {', '.join(Encrypt)}."
        ) from error


def _switch(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    asked = given.get(name, "").lower()
    if asked and asked not in _YES | _NO:
        raise Invalid(f"the option {name} is a switch.", where="url", remedy=f"Write {name}=yes or {name}=no.")
    return asked in _YES if asked else default
