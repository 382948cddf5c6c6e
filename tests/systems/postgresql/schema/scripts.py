"""Statements and entries, written by hand: no parser is needed to test what carries them out."""

from __future__ import annotations

import time
from typing import Any

from wayfare.core.changes import Entry, Standing
from wayfare.core.statements import Action, Kind, Statement

__test__ = False


def says(text: str, kind: Kind, table: str = "", name: str = "", *, alone: bool = False, **details: Any) -> Statement:
    return Statement(text, 1, 1, (Action(kind, table, name, details),), alone)


def entry(version: str = "1", **given: Any) -> Entry:
    values = {"history": "revisions", "name": "one", "checksum": "ab" * 32, "standing": Standing.APPLIED}
    return Entry(**{**values, "version": version, "done": 1, "total": 1, "started_at": time.time(), **given})


ADD_COLUMN = says("alter table users add column email text", Kind.ADD_COLUMN, "users", "email")
BUILD = says(
    "create index concurrently by_name on users (name)",
    Kind.CREATE_INDEX,
    "users",
    "by_name",
    alone=True,
    concurrently=True,
)
