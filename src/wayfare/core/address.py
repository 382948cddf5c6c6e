"""Where a database is: the parsed form of `system://user:password@host:port/database?option=value`.

Path rules follow SQLAlchemy's URLs: `sqlite:///shop.db` is relative to the working directory, `sqlite:////var/shop.db`
is absolute. A `clickhouse:///folder` without a host is the embedded engine on that folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted

SIGN = "@"  # begins the name of a saved connection, where a URL could stand
_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
_SECRET_OPTIONS = ("password", "passwd", "pwd", "passphrase", "token", "secret")  # whatever stands before these
_EXAMPLES = "postgresql://user@host/db, mysql://user@host/db, sqlite:///shop.db, duckdb:///warehouse.duckdb"


@dataclass(frozen=True, slots=True)
class Address:
    """One database's whereabouts. `system` is the name as written; the registry resolves aliases."""

    system: str
    host: str = ""
    port: int = 0  # 0: the system's usual port
    database: str = ""  # a name, or a path for systems that live in files
    user: str = ""
    password: Redacted = field(default_factory=lambda: Redacted(""))
    options: Mapping[str, str] = field(default_factory=lambda: _NO_OPTIONS, repr=False)  # may hold secrets
    resolver: Callable[[str, int], Sequence[str]] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, url: str, where: str = "url") -> Address:
        """Raises Invalid, naming `where` and never repeating the password."""
        if "://" not in url:
            raise Invalid("this is not a database URL.", where=where, remedy=f"Write one like {_EXAMPLES}.")
        try:
            parts = urlsplit(url)
            port = parts.port or 0
        except ValueError as error:
            raise Invalid(
                "the host or port of this URL cannot be read.",
                where=where,
                remedy="Percent-encode special characters of the user and password, and give the port as a number.",
            ) from error
        path = unquote(parts.path)
        return cls(
            system=parts.scheme.lower(),
            host=unquote(parts.hostname or ""),
            port=port,
            database=path[1:],
            user=unquote(parts.username or ""),
            password=Redacted(unquote(parts.password or "")),
            options=MappingProxyType(dict(parse_qsl(parts.query, keep_blank_values=True))),
        )

    def url(self, *, reveal: bool = False) -> str:
        """The URL again. Without `reveal`, secrets are left out, so that the text may be shown and stored."""
        login = quote(self.user, safe="")
        if self.password:
            login += ":" + (quote(self.password.reveal(), safe="") if reveal else "***")
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe=".-_/%")
        place = f"{login}@{host}" if login else host
        if self.port:
            place += f":{self.port}"
        shown = self.options if reveal else self.shown_options()
        query = f"?{urlencode(shown)}" if shown else ""
        return f"{self.system}://{place}/{quote(self.database)}{query}"

    def resolved(self, host: str, port: int) -> Sequence[str]:
        """Where a connection to that host is to be made: the host, or, for who serves others, what its name has led to
        when it was checked, as a name may lead elsewhere when it is looked up again. Raises what the resolver raises.
        """
        return self.resolver(host, port) if self.resolver else (host,)

    def shown_options(self) -> Mapping[str, str]:
        """The options, with `***` for secrets."""
        return {k: "***" if _is_secret(k) else v for k, v in self.options.items()}

    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be shown."""
        hidden = (value for key, value in self.options.items() if _is_secret(key))
        return tuple(secret for secret in (self.password.reveal(), *hidden) if secret)

    def __str__(self) -> str:
        return self.url()


def _is_secret(option: str) -> bool:
    return option.lower().endswith(_SECRET_OPTIONS)
