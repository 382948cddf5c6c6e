"""Notices by e-mail, through the operator's own SMTP server: `smtp://user:password@host:587?from=wayfare@example.com`.

`smtps://` speaks TLS from the start; `smtp://` goes over to TLS where the server offers it, and gives no password to
one that does not.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import parse_qs, unquote, urlsplit

from wayfare.core.errors import Invalid, Refused, SystemFailed, Unauthenticated, Unreachable
from wayfare.core.redacted import Redacted

SCHEME = "mailto:"
SECONDS_MAX = 20.0
PORTS = {"smtp": 587, "smtps": 465}
REMEDY = "Set WAYFARE_SMTP to smtp://user:password@host:587?from=wayfare@example.com."


@dataclass(frozen=True, slots=True)
class Server:
    tls: bool
    host: str
    port: int
    user: str
    password: Redacted
    sender: str


def server_of(url: Redacted) -> Server:
    """Raises Invalid, never repeating the password."""
    try:
        parts = urlsplit(url.reveal())
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise Invalid("this is not the address of a mail server.", where="WAYFARE_SMTP", remedy=REMEDY) from error
    sender = parse_qs(parts.query).get("from", [""])[0]
    if not port or not parts.hostname or "@" not in sender:
        raise Invalid("mail needs a server and a sender.", where="WAYFARE_SMTP", remedy=REMEDY)
    password = Redacted(unquote(parts.password or ""))
    return Server(parts.scheme == "smtps", parts.hostname, port, unquote(parts.username or ""), password, sender)


def recipient(url: str) -> str:
    """The one address of a mailto: URL. Raises Invalid."""
    address = unquote(url.removeprefix(SCHEME))
    if address.count("@") != 1 or len(address) > 254 or any(c.isspace() or c in ',;<>?&"' for c in address):
        raise Invalid("this is not one e-mail address.", where="url", remedy="Write mailto:ada@example.com.")
    return address


def send(server: Server, to: str, subject: str, text: str, id_: str) -> None:
    """Raises Unreachable, Unauthenticated, Refused. A repeated notice has the same Message-ID."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = server.sender, to, subject
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{id_}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    with _classified(server), _connected(server) as connection:
        connection.send_message(message)


@contextmanager
def _connected(server: Server) -> Iterator[smtplib.SMTP]:
    trust = ssl.create_default_context()
    if server.tls:
        opened: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS_MAX, context=trust)
    else:
        opened = smtplib.SMTP(server.host, server.port, timeout=SECONDS_MAX)
    with opened as connection:
        connection.ehlo()
        secret = server.tls
        if not secret and connection.has_extn("starttls"):
            connection.starttls(context=trust)
            secret = True
        if server.user and not secret:
            raise Refused("the mail server offers no TLS, and gets no password.", where="WAYFARE_SMTP")
        if server.user:
            connection.login(server.user, server.password.reveal())
        yield connection


@contextmanager
def _classified(server: Server) -> Iterator[None]:
    """A server's own words may repeat what it was sent: only its code is told."""
    try:
        yield
    except SystemFailed:
        raise
    except smtplib.SMTPAuthenticationError as error:
        raise Unauthenticated("the mail server refuses user or password.", where="WAYFARE_SMTP") from error
    except smtplib.SMTPResponseException as error:
        raise Refused(f"the mail server answers with {error.smtp_code}.", where="WAYFARE_SMTP") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise Refused("the mail server refuses the recipient.", where="url") from error
    except (smtplib.SMTPException, OSError) as error:
        told = f"{server.host}:{server.port} does not take mail: {type(error).__name__}."
        raise Unreachable(told, where="WAYFARE_SMTP") from error
