"""What the options of a MySQL URL mean: `mysql://user@host/db?ssl-mode=verify_identity&ssl-ca=/etc/ca.pem`.

`ssl-mode` has the words of MySQL's own client. Without it, TLS is used where the server offers it, except on this very
machine, where it would only cost time.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from typing import Any

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.kernel.stream import STALL_SECONDS, stall_seconds
from wayfare.systems.registry import Reach

PORT = 3306
CONNECT_SECONDS_MAX = 10
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
_KNOWN = ("ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "unix-socket", "tinyint1", "stall-seconds")
_TINYINT1 = ("integer", "boolean")


@dataclass(frozen=True, slots=True)
class Options:
    ssl_mode: str = ""
    ssl_ca: str = ""
    ssl_cert: str = ""
    ssl_key: str = ""
    unix_socket: str = ""
    tinyint1: str = "integer"  # is TINYINT(1) a small integer, which it may always hold, or a boolean?
    stall_seconds: int = STALL_SECONDS  # how long nothing may come once rows have begun to; 0: for ever

    @property
    def booleans(self) -> bool:
        return self.tinyint1 == "boolean"

    def tls(self, host: str) -> dict[str, Any]:
        """What PyMySQL's connect takes to get the TLS that was asked for."""
        mode = self.ssl_mode or ("disabled" if host in _LOCAL or self.unix_socket else "preferred")
        if mode == "disabled":
            return {"ssl_disabled": True}
        if mode == "preferred" and not (self.ssl_ca or self.ssl_cert):
            return {}
        return {"ssl": self._context(mode)}

    def _context(self, mode: str) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ssl_ca or None)
            if self.ssl_cert:
                context.load_cert_chain(self.ssl_cert, self.ssl_key or None)
        except OSError as error:
            raise Invalid(f"the certificate files cannot be read: {error.strerror or error}", where="ssl-ca") from error
        # The certificates MySQL makes for itself lack what strict verification asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = mode == "verify_identity"
        context.verify_mode = ssl.CERT_REQUIRED if mode.startswith("verify") else ssl.CERT_NONE
        return context


def parse(address: Address) -> Options:
    """Raises Invalid for an option or value nobody knows."""
    given = {name.lower().replace("_", "-"): value for name, value in address.options.items()}
    for name in given:
        if name not in _KNOWN:
            raise Invalid(f"MySQL knows no option {name!r}.", where="url", remedy=f"Options: {', '.join(_KNOWN)}.")
    words = {name.replace("-", "_"): value for name, value in given.items() if name != "stall-seconds"}
    options = Options(**words, stall_seconds=stall_seconds(given))
    mode = options.ssl_mode.lower().replace("-", "_")
    if mode and mode not in _MODES:
        raise Invalid(f"{mode!r} is no ssl-mode.", where="ssl-mode", remedy=f"One of {', '.join(_MODES)}.")
    if options.tinyint1 not in _TINYINT1:
        raise Invalid(f"{options.tinyint1!r} is no choice.", where="tinyint1", remedy=f"One of {', '.join(_TINYINT1)}.")
    return replace(options, ssl_mode=mode)


def reach(address: Address) -> Reach:
    """Raises as `parse` does."""
    found = parse(address)
    files = [n for n in ("ssl_ca", "ssl_cert", "ssl_key", "unix_socket") if getattr(found, n)]
    return Reach(hosts=[(address.host, address.port or PORT)], files=[n.replace("_", "-") for n in files])
