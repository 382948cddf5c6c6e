"""Somebody who reads over one connection, in a process of their own.

    python -m benchmarks.readers PORT TOKEN PATH COUNT

Plain HTTP over a plain socket, one read after the other; ends with exit code 1 at the first answer that is not 200.
"""

from __future__ import annotations

import re
import socket
import sys

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
SECONDS_MAX = 10.0  # for one answer


def read(line: socket.socket, asked: bytes) -> None:
    line.sendall(asked)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += line.recv(65536) or sys.exit("the line was closed")
    if not answer.startswith(b"HTTP/1.1 200 "):
        sys.exit(answer.decode(errors="replace"))
    size = LENGTH.search(answer)
    left = answer.index(b"\r\n\r\n") + 4 + int(size[1] if size else 0) - len(answer)
    while left > 0:
        left -= len(line.recv(65536) or sys.exit("the line was closed"))


def main(port: int, token: str, path: str, count: int) -> None:
    asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            read(line, asked)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
