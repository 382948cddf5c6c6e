"""Everything that can be set from outside, read once: `WAYFARE_…` variables, each with a default that works."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
NO_KEY = Redacted("")
STORES = ("sqlite", "postgresql", "postgres")


@dataclass(frozen=True, slots=True)
class Settings:
    """One frozen object, at most 25 fields."""

    home: Path  # WAYFARE_HOME: the data directory
    store_url: str = ""  # WAYFARE_STORE: "" is the embedded SQLite store in `home`
    workers: int = 4  # WAYFARE_WORKERS: steps carried out at once, over all processes
    per_source: int = 4  # WAYFARE_PER_SOURCE: … and of these, reading from one source
    key: Redacted = NO_KEY  # WAYFARE_KEY: seals passwords; without one, the file `key` in `home` does
    old_key: Redacted = NO_KEY  # WAYFARE_OLD_KEY: opens what was sealed before WAYFARE_KEY was changed
    log_level: str = "INFO"  # WAYFARE_LOG_LEVEL
    jwt_secret: Redacted = NO_KEY  # WAYFARE_JWT_SECRET: signs tokens; without one, the store has a key of its own

    registration: str = ""  # WAYFARE_REGISTRATION: "open" or "closed"; "" is open where only this machine can reach us
    oidc: Redacted = NO_KEY  # WAYFARE_OIDC: https://CLIENT:SECRET@ISSUER, a provider that people sign in with
    calls_per_minute: int = 600  # WAYFARE_CALLS_PER_MINUTE: of one caller, over HTTP
    smtp: Redacted = NO_KEY  # WAYFARE_SMTP: smtp://user:password@host:587?from=…, for notices by e-mail
    schema_database: Redacted = NO_KEY  # WAYFARE_SCHEMA_DATABASE: the URL whose revisions /api/migrate applies
    revisions: Path = Path("migrations")  # WAYFARE_REVISIONS: … from this folder
    environment: str = ""  # WAYFARE_ENVIRONMENT: … which is this one's, such as production
    egress_allow: tuple[Network, ...] = ()  # WAYFARE_EGRESS_ALLOW: networks that may be called beside public ones

    @property
    def embedded(self) -> bool:
        """Is the store a SQLite file, owned by one process at a time?"""
        return not self.store_url.startswith("postgres")

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises Invalid, naming the variable."""
        return cls(
            home=_get(environ, "WAYFARE_HOME", _folder, _default_home),
            store_url=_get(environ, "WAYFARE_STORE", _store, lambda: ""),
            workers=_get(environ, "WAYFARE_WORKERS", _count, _usual_workers),
            per_source=_get(environ, "WAYFARE_PER_SOURCE", _count, lambda: 4),
            key=_get(environ, "WAYFARE_KEY", _key, lambda: NO_KEY),
            old_key=_get(environ, "WAYFARE_OLD_KEY", _key, lambda: NO_KEY),
            log_level=_get(environ, "WAYFARE_LOG_LEVEL", _level, lambda: "INFO"),
            jwt_secret=_get(environ, "WAYFARE_JWT_SECRET", Redacted, lambda: NO_KEY),
            registration=_get(environ, "WAYFARE_REGISTRATION", _registration, lambda: ""),
            oidc=_get(environ, "WAYFARE_OIDC", Redacted, lambda: NO_KEY),
            calls_per_minute=_get(environ, "WAYFARE_CALLS_PER_MINUTE", _calls, lambda: 600),
            smtp=_get(environ, "WAYFARE_SMTP", Redacted, lambda: NO_KEY),
            schema_database=_get(environ, "WAYFARE_SCHEMA_DATABASE", Redacted, lambda: NO_KEY),
            revisions=_get(environ, "WAYFARE_REVISIONS", _folder, lambda: Path("migrations").absolute()),
            environment=_get(environ, "WAYFARE_ENVIRONMENT", str.lower, lambda: ""),
            egress_allow=_get(environ, "WAYFARE_EGRESS_ALLOW", _networks, tuple),
        )


def _get(environ: Mapping[str, str], name: str, parse: Callable[[str], T], default: Callable[[], T]) -> T:
    """An empty variable counts as unset, as shells make it easy to leave one behind."""
    text = environ.get(name, "").strip()
    if not text:
        return default()
    try:
        return parse(text)
    except ValueError as error:
        raise Invalid(f"{error}.", where=name, remedy=f"Correct or unset {name}.") from error


def _usual_workers() -> int:
    """One for each core, as both ends of a copy are often on this machine too; no more than a server likes to see."""
    return max(2, min(4, os.cpu_count() or 1))


def _default_home() -> Path:
    from platformdirs import user_data_path  # only here, so that commands with WAYFARE_HOME do not pay for it

    return user_data_path("wayfare")


def _folder(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if "?" in text:
        raise ValueError("the path holds a question mark, which URLs of SQLite cannot")
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is not a folder")
    return path


def _store(text: str) -> str:
    if text.partition("://")[0].partition("+")[0] not in STORES or "://" not in text:
        raise ValueError("the store must be a sqlite:///… or postgresql://… URL")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise ValueError(f"{text[:20]!r} is not a number from 1 to 1024")
    return int(text)


def _registration(text: str) -> str:
    if text not in ("open", "closed"):
        raise ValueError(f"{text[:20]!r} is neither open nor closed")
    return text


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(word) for word in text.replace(",", " ").split())


def _calls(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise ValueError(f"{text[:20]!r} is not a number from 1 to 1000000")
    return int(text)


def _key(text: str) -> Redacted:
    if len(text) < 16:
        raise ValueError("the key has fewer than 16 characters")
    return Redacted(text)


def _level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"the level must be one of {', '.join(LOG_LEVELS)}")
    return text.upper()
