"""Listens on the loopback address; one thread a client."""

from __future__ import annotations

import socket
import socketserver
import ssl
import sys
import traceback
from pathlib import Path

from wayfare.systems.databases.sqlserver.testserver import wire
from wayfare.systems.databases.sqlserver.testserver.channel import (
    Answer,
    Cancelled,
    Channel,
    Closed,
    certificate,
    server_context,
)
from wayfare.systems.databases.sqlserver.testserver.conversation import Conversation
from wayfare.systems.databases.sqlserver.testserver.databases import Databases
from wayfare.systems.databases.sqlserver.testserver.wire import Done, Encryption, Packet, SqlError

_FATAL = 20


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, user: str, password: str, encryption: Encryption, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", port), _Client)
        self.user, self.password, self.encryption, self.tls = user, password, encryption, tls
        self.databases = Databases()


class _Client(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # answers are made of small writes
        channel = Channel(self.request)
        try:
            conversation = self._greet(channel)
        except Closed:
            return
        if conversation is None:
            return
        try:
            while self._exchange(channel, conversation):
                pass
        except Closed:
            pass
        finally:
            conversation.close()

    def _greet(self, channel: Channel) -> Conversation | None:
        """Prelogin, TLS as agreed, login. None for one that is refused."""
        kind, message = channel.message()
        agreed = Encryption.NOT_SUPPORTED
        if kind is Packet.PRELOGIN:
            agreed = _agree(self.server.encryption, wire.wanted_encryption(message))
            channel.send(Packet.ANSWER, wire.prelogin(agreed))
            if agreed is not Encryption.NOT_SUPPORTED and self.server.tls:
                channel.secure(self.server.tls)
            kind, message = channel.message()
        if agreed is Encryption.OFF:
            channel.unsecure()
        login = wire.login(message)
        try:
            self._admit(login)
        except SqlError as problem:
            said = wire.error(problem)
            if problem.number == 4060:
                said += wire.error(_failed(login.user))
            channel.send(Packet.ANSWER, said + wire.done(None, Done.ERROR))
            return None
        database = login.database or "master"
        channel.send(Packet.ANSWER, wire.welcome(database, login.packet_size))
        channel.packet_size = login.packet_size
        conversation = Conversation(self.server.databases, database)
        owner = conversation.statements.owner
        owner.host, owner.program, owner.end = login.host, login.program, channel.end
        return conversation

    def _admit(self, login: wire.Login) -> None:
        if login.integrated:
            text = (
                "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication."
            )
            raise SqlError(18452, text, 14)
        if (login.user, login.password) != (self.server.user, self.server.password):
            raise _failed(login.user)
        if login.database and not self.server.databases.has(login.database):
            text = f'Cannot open database "{login.database}" requested by the login. The login failed.'
            raise SqlError(4060, text, 11)

    def _exchange(self, channel: Channel, conversation: Conversation) -> bool:
        """One request and its answer; False when the conversation is to end."""
        kind, message = channel.message()
        answer = Answer(channel)
        acts = {
            Packet.BATCH: conversation.batch,
            Packet.RPC: conversation.remote,
            Packet.TRANSACTION: conversation.transaction,
        }
        try:
            if kind in acts:
                acts[kind](message, answer)
            elif kind is Packet.ATTENTION:
                answer.write(wire.done(None, Done.ATTENTION))
        except Cancelled:
            answer.write(wire.done(None, Done.ATTENTION))
        except SqlError as problem:
            answer.write(wire.error(problem) + wire.done(None, Done.ERROR))
            if problem.severity >= _FATAL:
                answer.finish()
                return False
        except Closed:
            raise
        except Exception:
            traceback.print_exc()
            answer.write(wire.error(SqlError(50000, traceback.format_exc()[-1500:])) + wire.done(None, Done.ERROR))
        answer.finish()
        return True


def _failed(user: str) -> SqlError:
    return SqlError(18456, f"Login failed for user '{user}'.", 14)


def _agree(ours: Encryption, wanted: Encryption) -> Encryption:
    """[MS-TDS] 2.2.6.5's table."""
    if ours is Encryption.NOT_SUPPORTED:
        return Encryption.NOT_SUPPORTED
    if ours is Encryption.REQUIRED:
        return Encryption.ON if wanted in (Encryption.ON, Encryption.REQUIRED) else Encryption.REQUIRED
    if wanted is Encryption.NOT_SUPPORTED:
        return Encryption.NOT_SUPPORTED
    return Encryption.OFF if wanted is Encryption.OFF else Encryption.ON


def main(port: str, user: str, password: str, encryption: str = "NOT_SUPPORTED", file: str = "") -> None:
    if file and not Path(file).exists():
        certificate(Path(file))
    tls = server_context(Path(file)) if file else None
    with _Server(int(port), user, password, Encryption[encryption], tls) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
