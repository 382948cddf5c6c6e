"""What the options of a postgresql:// URL mean: libpq's own connection parameters, and `stall_seconds`."""

from __future__ import annotations

from typing import Any

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.systems.registry import Reach

PORT = 5432
CONNECT_SECONDS_MAX = 10
STALL = "stall_seconds"  # ours: see kernel.stream

_DEFAULTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS_MAX,
    "application_name": "wayfare",
    "client_encoding": "UTF8",
    "gssencmode": "disable",  # an encrypted stream cannot be read past libpq; who needs it says so in the URL
    # A peer that vanished must be noticed while we wait for rows, long before the kernel's two hours.
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

OPTIONS = frozenset(
    {
        *("sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslcrldir", "sslsni"),
        *("sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version", "channel_binding", "require_auth"),
        *("gssencmode", "krbsrvname", "gsslib", "gssdelegation"),
        *("connect_timeout", "tcp_user_timeout", "keepalives", "keepalives_idle", "keepalives_interval"),
        *("keepalives_count", "application_name", "options", "target_session_attrs", "load_balance_hosts"),
        *("host", "hostaddr", "passfile", "service", STALL),
    }
)


def parameters(address: Address) -> dict[str, Any]:
    """Keyword arguments for psycopg.connect. Raises Invalid, naming an option that libpq does not have."""
    for name in address.options:
        if name not in OPTIONS:
            known = ", ".join(sorted(OPTIONS))
            raise Invalid(f"PostgreSQL has no option {name!r}.", where="url", remedy=f"Known options: {known}.")
    given = {
        "host": address.host,
        "port": address.port,
        "dbname": address.database,
        "user": address.user,
        "password": address.password.reveal(),
    }
    libpqs = {name: value for name, value in address.options.items() if name != STALL}
    return {**_DEFAULTS, **{k: v for k, v in given.items() if v}, **libpqs}


_FILES = ("sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir", "passfile", "service")
_NO_FILE = "system"  # sslrootcert=system is the machine's authorities


def reach(address: Address) -> Reach:
    """libpq takes several hosts, and prefers `hostaddr`. What is left out it finds in PG… variables and ~/.pgpass.

    Raises as `parameters` does.
    """
    parameters(address)
    options = address.options
    names = [*options.get("host", address.host).split(","), *options.get("hostaddr", "").split(",")]
    if "hostaddr" not in options:
        names.pop()
    return Reach(
        hosts=[(name.strip(), address.port or PORT) for name in names],
        files=[name for name in _FILES if options.get(name, _NO_FILE) != _NO_FILE],
        borrowed=[name for name in ("user", "password") if not getattr(address, name)],
    )


def places(address: Address) -> dict[str, str]:
    """Parameters for an address whose hosts are looked up by its resolver: libpq connects to `hostaddr`, and still asks
    for the name in TLS. Raises what the resolver raises.
    """
    names = address.options.get("host", address.host).split(",")
    sockets = any(not name or name.startswith(("/", "@")) for name in names)
    if address.resolver is None or sockets or "hostaddr" in address.options:
        return {}
    found = [(name, place) for name in names for place in address.resolved(name, address.port or PORT)]
    return {"host": ",".join(name for name, _ in found), "hostaddr": ",".join(place for _, place in found)}
