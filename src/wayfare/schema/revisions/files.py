"""The folder: `0001_create_users.sql`, and beside it `0001_create_users.down.sql`, which takes it back.

Flyway's names (`V1.2__create_users.sql`, `U1.2__create_users.sql`) are understood as well, so its folders can be kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from wayfare.core.errors import Invalid, NotFound
from wayfare.schema.text.reading import SCRIPT_BYTES_MAX

NAME = re.compile(r"[a-z0-9_]+")
_OURS = re.compile(r"(?P<version>\d+)_(?P<name>[A-Za-z0-9_]+?)(?P<down>\.down)?\.sql")
_FLYWAY = re.compile(r"(?P<down>[VU])(?P<version>\d+(?:[._]\d+)*)__(?P<name>\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Revision:
    """One file as it is on disk, and its way back where it has one."""

    version: str  # "0001", "20261128113000", "1.2"
    name: str  # "create_users"
    path: Path
    text: str
    down: str | None = None
    down_path: Path | None = None
    # SHA-256, in hexadecimal, of the text: how a checkout ends its lines does not matter. Made once: it is asked often.
    checksum: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checksum", hashlib.sha256(self.text.encode()).hexdigest())

    @property
    def title(self) -> str:
        return f"{self.version}_{self.name}"


@lru_cache(maxsize=16_384)  # a status compares the same versions over and over
def order(version: str) -> tuple[tuple[int, int | str], ...]:
    """Versions in order: numbers by their value ("2" before "10", "1.2" before "1.10"), words after them."""
    parts = re.findall(r"\d+|[^\d._-]+", version)
    return tuple((0, int(p)) if p.isdecimal() else (1, p) for p in parts)


def read_folder(folder: Path) -> tuple[Revision, ...]:
    """All of it, in order. Raises NotFound; Invalid for a file that cannot be one, or two of the same version."""
    if not folder.is_dir():
        remedy = f"Make the first with: wayfare schema new first_tables --folder {folder}"
        raise NotFound(f"there is no folder {folder}.", where="--folder", remedy=remedy)
    ups: dict[str, tuple[Path, str]] = {}
    downs: dict[str, Path] = {}
    for path in sorted(folder.glob("*.sql")):
        version, name, down = parsed(path)
        taken = downs.get(version) if down else ups.get(version, (None, ""))[0]
        if taken:
            remedy = "Give one of them the next free version."
            raise Invalid(f"{taken.name} and {path.name} have the same version.", where=str(folder), remedy=remedy)
        if down:
            downs[version] = path
        else:
            ups[version] = (path, name)
    if orphans := sorted(set(downs) - set(ups)):
        path = downs[orphans[0]]
        raise Invalid(
            f"{path.name} takes back what no file makes.", where=str(folder), remedy="Add it, or remove this."
        )
    made = (_read(version, *ups[version], downs.get(version)) for version in ups)
    return tuple(sorted(made, key=lambda revision: order(revision.version)))


def parsed(path: Path) -> tuple[str, str, bool]:
    """(version, name, is it a way back?) of a file's name. Raises Invalid."""
    if found := _OURS.fullmatch(path.name):
        return found["version"], found["name"], bool(found["down"])
    if found := _FLYWAY.fullmatch(path.name):
        return found["version"].replace("_", "."), found["name"], found["down"] == "U"
    remedy = "Call it like 0007_add_email.sql, and its way back 0007_add_email.down.sql."
    raise Invalid(f"{path.name} does not begin with a version.", where=str(path.parent), remedy=remedy)


def _read(version: str, path: Path, name: str, down: Path | None) -> Revision:
    return Revision(version, name, path, _text(path), _text(down) if down else None, down)


def _text(path: Path) -> str:
    """Raises Invalid for what is too large, or is not UTF-8."""
    if path.stat().st_size > SCRIPT_BYTES_MAX:
        remedy = "Move rows with `wayfare copy`, and keep the file to changes of the schema."
        raise Invalid(f"it has more than {SCRIPT_BYTES_MAX // 1024**2} MB.", where=str(path), remedy=remedy)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        told = f"byte {error.start + 1} is not UTF-8."
        raise Invalid(told, where=str(path), remedy="Save the file as UTF-8.") from error
    return text.replace("\r\n", "\n")


def create(folder: Path, name: str, existing: Iterable[str]) -> tuple[Path, Path]:
    """The next two files, with a line that says what belongs into them. Raises Invalid for a name that cannot be."""
    name = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    if not NAME.fullmatch(name):
        raise Invalid("a revision's name has letters or digits.", where="NAME", remedy="Say what it does: add_email.")
    version = next_version([*existing])
    up, down = folder / f"{version}_{name}.sql", folder / f"{version}_{name}.down.sql"
    folder.mkdir(parents=True, exist_ok=True)
    up.write_text("-- What changes.\n", encoding="utf-8")
    down.write_text("-- The way back, to exactly what was before. Remove this file where there is none.\n", "utf-8")
    return up, down


def next_version(existing: Sequence[str]) -> str:
    """One more than the greatest, written as wide; 0001 for the first."""
    numbers = [v for v in existing if v.isdecimal()]
    if not numbers:
        return "0001"
    last = max(numbers, key=int)
    return str(int(last) + 1).zfill(len(last))
