"""Opening a connection with python-tds, by its inner parts.

Its `connect` tries again for the whole timeout whatever the server answered, even that there is no such database, and
it cannot use TLS without a file of authorities. Its inner parts do; they are those of 1.17, which pyproject.toml holds.
"""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import OpenSSL.SSL
import pytds
from cryptography import x509
from pytds import instance_browser_client, lcid, login, tds_base, tz
from pytds.connection import NonMarsConnection
from pytds.row_strategies import tuple_row_strategy
from pytds.tds_base import PreLoginEnc
from pytds.tds_socket import _TdsSocket

from wayfare.core.errors import Invalid, NotFound, Unavailable, Unreachable
from wayfare.kernel.stream import connected
from wayfare.systems.databases.sqlserver.options import BROWSER_PORT, CONNECT_SECONDS_MAX, PORT, Encrypt, Options

PACKET_BYTES = 32_767
_BUFFER_BYTES = 1 << 20


def connect(options: Options, *, redirected: bool = False) -> Any:
    """In autocommit mode. Raises python-tds' errors, OSError, or Unavailable for what it cannot do."""
    if options.encrypt is Encrypt.STRICT:
        remedy = "Use encrypt=yes, or driver=mssql-python."
        raise Unavailable("python-tds does not speak TDS 8 (encrypt=strict).", where="encrypt", remedy=remedy)
    try:
        found, route = _attempt(options, _context(options))
    except pytds.Error as error:
        if options.encrypt is not Encrypt.PREFERRED or "not supported by server" not in str(error):
            raise
        found, route = _attempt(options, None)
    if route is None or redirected:
        return found
    with contextlib.suppress(pytds.Error, OSError):  # the server that sends us on may have hung up
        found.close()
    return connect(replace(options, host=str(route["server"]), port=int(route["port"]), instance=""), redirected=True)


def _attempt(options: Options, context: Any) -> tuple[Any, Any]:
    asked = _login(options, context)
    wire = _socket(options, asked)
    with _closing_on_failure(wire):
        asked.server_name = options.host
        asked.instance_name = options.instance
        link = _TdsSocket(sock=wire, login=asked, row_strategy=tuple_row_strategy, autocommit=True, isolation_level=0)
        route = link.login()
        if route is None:
            wire.settimeout(None)  # later a reader may wait for a slow writer
        return NonMarsConnection(pooling=False, key=(), tds_socket=link), route


@contextlib.contextmanager
def _closing_on_failure(wire: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        wire.close()
        raise


def _socket(options: Options, asked: Any) -> socket.socket:
    port = options.port or _instance_port(options)
    wire = connected(options.resolved(options.host, port), port, CONNECT_SECONDS_MAX)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    asked.port = port
    return wire


def _instance_port(options: Options) -> int:
    """What the SQL Server Browser says on UDP port 1434. Raises NotFound for an instance it does not know."""
    remedy = "Is the SQL Server Browser running there? Or give the instance's port in the URL."
    try:
        host = options.resolved(options.host, BROWSER_PORT)[0]
        asked = instance_browser_client.resolve_instance_port(host, None, options.instance, CONNECT_SECONDS_MAX / 2)
        return int(asked or PORT)
    except tds_base.LoginError as error:
        raise NotFound(str(error), where=options.host, remedy=remedy) from error
    except (OSError, RuntimeError) as error:
        text = f"nobody tells the port of the instance {options.instance}: {error}"
        raise Unreachable(text, where=options.host, remedy=remedy) from error


def _context(options: Options) -> Any:
    if options.encrypt is Encrypt.NO:
        return None
    context = OpenSSL.SSL.Context(OpenSSL.SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(OpenSSL.SSL.TLS1_2_VERSION)
    context.set_max_proto_version(OpenSSL.SSL.TLS1_2_VERSION)  # TDS 7 wraps the handshake, which 1.3 does not end there
    if options.trusts:
        context.set_verify(OpenSSL.SSL.VERIFY_NONE, lambda *_: True)
        return context
    context.set_verify(
        OpenSSL.SSL.VERIFY_PEER, lambda _, given, problem, depth, good: _vouched(options, given, depth, good)
    )
    try:
        if options.ca_file:
            context.load_verify_locations(options.ca_file)
        else:
            context.set_default_verify_paths()
    except OpenSSL.SSL.Error as error:
        raise Invalid(f"the file {options.ca_file} cannot be read as certificates.", where="ca_file") from error
    return context


def _vouched(options: Options, given: Any, depth: int, good: int) -> bool:
    """OpenSSL has checked the signatures; here is the name. Raises python-tds' Error for another one's certificate."""
    if good and depth == 0 and not _names(given.to_cryptography(), options.host):
        raise pytds.Error(f"the server's certificate does not match the host name {options.host!r}")
    return bool(good)


def _names(certificate: x509.Certificate, host: str) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        names = [str(name.value) for name in common]
    else:
        names = [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
    whole, domain = host.lower(), host.lower().partition(".")[2]
    return any(n.lower() == whole or (n.startswith("*.") and n[2:].lower() == domain != "") for n in names)


def _login(options: Options, context: Any) -> Any:
    """What pytds.connect puts together."""
    asked = tds_base._TdsLogin()
    asked.client_host_name = socket.gethostname()[:128]
    asked.library, asked.app_name = "Python TDS Library", "wayfare"
    asked.user_name, asked.password = options.user, options.password.reveal()
    asked.language = asked.attach_db_file = asked.change_password = ""
    asked.tds_version = tds_base.TDS74
    asked.database = options.database
    asked.bulk_copy = asked.use_mars = False
    asked.client_lcid = lcid.LANGID_ENGLISH_US
    asked.pid, asked.client_id = os.getpid(), uuid.getnode()
    asked.cafile = options.ca_file or None
    asked.validate_host = False  # `_vouched` has done it
    asked.enc_login_only = options.encrypt is Encrypt.LOGIN
    asked.access_token_callable = None
    asked.tls_ctx = context
    asked.enc_flag = PreLoginEnc.ENCRYPT_NOT_SUP
    if context is not None:
        asked.enc_flag = PreLoginEnc.ENCRYPT_OFF if asked.enc_login_only else PreLoginEnc.ENCRYPT_ON
    asked.client_tz = tz.local
    asked.option_flag2 = tds_base.TDS_ODBC_ON  # quoted identifiers, and no limit on the size of texts
    asked.connect_timeout, asked.query_timeout = CONNECT_SECONDS_MAX, None
    asked.blocksize = PACKET_BYTES
    asked.readonly = options.read_only
    asked.load_balancer = None
    asked.bytes_to_unicode = True
    asked.auth = _windows(options) if options.windows else None
    return asked


def _windows(options: Options) -> Any:
    """Raises Unavailable where Windows authentication has nothing to stand on here."""
    principal = f"MSSQLSvc@{options.host}:{options.port or PORT}"
    try:
        if not options.integrated:
            return login.SpnegoAuth(
                options.user, options.password.reveal(), hostname=options.host, service="MSSQLSvc", protocol="ntlm"
            )
        if os.name == "nt":
            return login.SspiAuth(spn=principal)
        return login.KerberosAuth(principal)
    except ImportError as error:
        need = "pyspnego" if not options.integrated else "kerberos"
        text = f"Windows authentication through python-tds needs the package {need}, not installed here."
        remedy = f"Install it (uv pip install {need}), use driver=mssql-python, or log in as a SQL Server user."
        raise Unavailable(text, where="authentication", remedy=remedy) from error
