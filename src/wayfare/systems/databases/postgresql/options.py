"""What the options of a postgresql:// URL mean: libpq's own connection parameters, and `stall_seconds`."""

from __future__ import annotations

from typing import Any

from wayfare.core.address import Address
from wayfare.core.errors import Invalid

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
