"""What MySQL and MariaDB can call things. Pure.

https://dev.mysql.com/doc/refman/9.0/en/identifiers.html, and what the servers say beyond it: names end in no white
space of any kind; MariaDB refuses letters beyond the basic plane, and MySQL puts a question mark in their place.
Tables are files, in which every sign but letters, digits and the underscore takes five bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from wayfare.core.tables import Table

CHARACTERS_MAX = 64
FILE_BYTES_MAX = 251  # 255, less what the server appends
SIGN_BYTES = 5
BASIC_PLANE_MAX = 0xFFFF
WHITE = " \t\n\v\f\r"  # what the servers take for white space; the wider spaces of Unicode are letters to them


def fault(name: str, is_table: bool) -> str:
    """What is wrong with the name of a table or column, to be read behind it; "" where nothing is."""
    if not name:
        return "is empty"
    if name[-1] in WHITE:
        return "ends in white space"
    if any(ord(letter) > BASIC_PLANE_MAX for letter in name):
        return "holds a character beyond Unicode's basic plane"
    if is_table and _file_bytes(name) > FILE_BYTES_MAX:
        return "is too long for a file, with so many signs"
    return ""


def _file_bytes(name: str) -> int:
    return sum(1 if c.isascii() and (c.isalnum() or c == "_") else SIGN_BYTES for c in name)


def sayable(table: Table) -> Table:
    """The table with other names for those indexes, keys and checks whose names cannot be: nobody selects by them."""
    return replace(
        table,
        indexes=tuple(replace(i, name=_sayable(i.name)) for i in table.indexes),
        foreign_keys=tuple(replace(k, name=_sayable(k.name)) for k in table.foreign_keys),
        checks=tuple(replace(c, name=_sayable(c.name)) for c in table.checks),
    )


def _sayable(name: str) -> str:
    """As much of the name as can be, and eight digits that keep two such names apart."""
    if not name or (len(name) <= CHARACTERS_MAX and not fault(name, False)):
        return name
    digits = hashlib.sha256(name.encode()).hexdigest()[:8]
    kept = "".join(c for c in name if ord(c) <= BASIC_PLANE_MAX)[: CHARACTERS_MAX - 9]
    return f"{kept}_{digits}"
