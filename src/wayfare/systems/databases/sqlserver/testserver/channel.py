"""One client's socket: packets in and out, in clear or through TLS, which TDS begins inside packets of its own."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import select
import socket
import ssl
import struct
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wayfare.systems.databases.sqlserver.testserver.wire import HEADER_BYTES, Packet, packets

_READ_BYTES = 1 << 16


class Closed(Exception):
    """The client has gone."""


class Cancelled(Exception):
    """The client's attention: it does not want the rest of an answer."""


def certificate(path: Path) -> None:
    """A self-made one for the loopback address, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))


def server_context(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # 1.3 would speak once more after the handshake, outside packets
    context.load_cert_chain(path)
    return context


class Channel:
    """Blocking; belongs to one thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.packet_size = 4096
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._read = bytearray()  # in clear, not yet taken

    # ---- messages

    def message(self) -> tuple[Packet, bytes]:
        """The next whole message. Raises Closed."""
        data = bytearray()
        while True:
            kind, status, length = struct.unpack(">BBH", self._take(HEADER_BYTES)[:4])
            data += self._take(length - HEADER_BYTES)
            if status & 1:
                return Packet(kind), bytes(data)

    def send(self, kind: Packet, data: bytes, first: int = 1, *, last: bool = True) -> None:
        self._put(packets(kind, data, self.packet_size, first, last=last))

    def interrupted(self) -> bool:
        """Has the client sent something while it is being answered? That can only be its attention."""
        return bool(self._read) or bool(select.select([self._socket], [], [], 0)[0])

    def end(self) -> None:
        """From another thread: the one that reads sees it closed."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    # ---- bytes

    def _take(self, size: int) -> bytes:
        while len(self._read) < size:
            self._read += self._receive()
        found = bytes(self._read[:size])
        del self._read[:size]
        return found

    def _receive(self) -> bytes:
        if self._tls is None:
            return self._raw()
        while True:
            try:
                found = self._tls.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                self._incoming.write(self._raw())
                continue
            except ssl.SSLError as error:
                raise Closed from error
            if not found:
                raise Closed
            return found

    def _raw(self) -> bytes:
        try:
            found = self._socket.recv(_READ_BYTES)
        except OSError as error:
            raise Closed from error
        if not found:
            raise Closed
        return found

    def _put(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Closed from error

    # ---- TLS

    def secure(self, context: ssl.SSLContext) -> None:
        """The handshake, whose records travel in PRELOGIN packets; afterwards packets travel in records."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._shake()
                self._incoming.write(self.message()[1])
                continue
            except ssl.SSLError as error:
                self._shake()
                raise Closed from error
            self._shake()
            self._tls = tls
            return

    def _shake(self) -> None:
        if data := self._outgoing.read():
            self.send(Packet.PRELOGIN, data)

    def unsecure(self) -> None:
        """Back to clear bytes, after a login that alone was to be hidden."""
        self._tls = None


class Answer:
    """One message to the client, sent packet by packet while it grows. Raises Cancelled when the client has enough."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting = bytearray()
        self._sent = 0
        self._unasked = False  # something was sent since the client was last asked whether it wants more

    def write(self, data: bytes) -> None:
        """Whole tokens, so that an answer that ends early ends between two."""
        if self._unasked and self._channel.interrupted():
            self._channel.message()
            raise Cancelled
        self._unasked = False
        self._waiting += data
        room = self._channel.packet_size - HEADER_BYTES
        while len(self._waiting) > room:
            self._sent += 1
            self._channel.send(Packet.ANSWER, bytes(self._waiting[:room]), self._sent, last=False)
            del self._waiting[:room]
            self._unasked = True

    def finish(self) -> None:
        self._channel.send(Packet.ANSWER, bytes(self._waiting), self._sent + 1)
