"""The key ring: the key that seals, and older ones that still open what they sealed.

The key comes from WAYFARE_KEY (32 bytes in base64 or hexadecimal; any other text is stretched with scrypt) or from the
file `key` in the data directory, made at first use for its owner only. It has a key in each line, the newest first.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wayfare.core.errors import Conflict, Invalid
from wayfare.core.redacted import Redacted

KEY_BYTES = 32
Seen = tuple[int, int] | None


@dataclass(frozen=True)
class Keys:
    """By id, in order; the first seals. Ids are shown and stored: they tell nothing of the key."""

    by_id: Mapping[str, bytes]

    @property
    def current(self) -> str:
        return next(iter(self.by_id))


class KeyRing:
    """Thread-safe. Another process may change the file at any time: it is looked at before each use."""

    def __init__(self, key: Redacted, old_key: Redacted, home: Path) -> None:
        self.given = bool(key)
        self._file = home / "key"
        self._first = [_from_text(key.reveal())] if key else []
        self._last = [_from_text(old_key.reveal())] if old_key else []
        self._read: tuple[Seen, Keys] | None = None

    def keys(self) -> Keys:
        """Raises Invalid where the file does not hold keys."""
        if not self.given and not self._file.exists():
            self._make()
        seen = _seen(self._file)
        if self._read is None or self._read[0] != seen:
            held = _from_file(self._file) if seen else []
            self._read = (seen, _keys([*self._first, *held, *self._last]))
        return self._read[1]

    def oldest(self) -> bytes:
        """Of the keys that every process has: a file beside a key from outside is this machine's alone."""
        from_outside = [*self._first, *self._last]
        return from_outside[-1] if from_outside else list(self.keys().by_id.values())[-1]

    def add(self) -> str:
        """Put a new key in front; gives its id. Raises Conflict where the key is given by WAYFARE_KEY."""
        if self.given:
            raise Conflict(
                "the key is given from outside, so a new one must be too.",
                where="WAYFARE_KEY",
                remedy="Set WAYFARE_KEY to the new key and WAYFARE_OLD_KEY to this one, and rotate then.",
            )
        self.keys()
        with self._alone():
            self._write([secrets.token_bytes(KEY_BYTES), *_from_file(self._file)])
        return self.keys().current

    def keep_only_current(self) -> int:
        """Forget the older keys of the file; gives how many. What they alone can open is lost."""
        if self.given or not self._file.exists():
            return 0
        with self._alone():
            held = _from_file(self._file)
            self._write(held[:1])
        return len(held) - 1

    def changed_at(self) -> float:
        """When the file was last written, in seconds since the epoch; 0 where there is none."""
        return self._file.stat().st_mtime if self._file.exists() else 0.0

    def _make(self) -> None:
        """Two processes may race to make it: whoever links first wins, and a crash never leaves half a key."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._draft([secrets.token_bytes(KEY_BYTES)])
        try:
            os.link(draft, self._file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        with self._folder() as folder:
            os.fsync(folder)

    def _write(self, keys: Sequence[bytes]) -> None:
        """The store may rely on the keys at once, so they are on the disk before that."""
        os.replace(self._draft(keys), self._file)
        with self._folder() as folder:
            os.fsync(folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of all processes: a key that another one has just added must not be written over."""
        with self._folder() as folder:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _folder(self) -> Iterator[int]:
        folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield folder
        finally:
            os.close(folder)

    def _draft(self, keys: Sequence[bytes]) -> Path:
        draft = self._file.with_name(f".key-{os.getpid()}-{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(base64.b64encode(key) + b"\n" for key in keys)
            file.flush()
            os.fsync(file.fileno())
        return draft


def _keys(keys: Sequence[bytes]) -> Keys:
    return Keys({hashlib.sha256(b"wayfare key id " + key).hexdigest()[:8]: key for key in keys})


def _seen(path: Path) -> Seen:
    """Changes whenever the file does: it is only ever replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _from_text(text: str) -> bytes:
    for decode in (binascii.unhexlify, lambda t: base64.b64decode(t, validate=True)):
        try:
            if len(raw := decode(text)) == KEY_BYTES:
                return raw
        except ValueError:
            continue
    return hashlib.scrypt(text.encode(), salt=b"wayfare-key", n=2**14, r=8, p=1, dklen=KEY_BYTES)


def _from_file(path: Path) -> list[bytes]:
    try:
        keys = [base64.b64decode(line, validate=True) for line in path.read_bytes().split()]
    except binascii.Error:
        keys = []
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise Invalid(f"{path} does not hold a key.", where="key", remedy="Restore the file, or set WAYFARE_KEY.")
    return keys
