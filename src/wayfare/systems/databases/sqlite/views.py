"""Views come after the tables; each stands or falls alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import View
from wayfare.systems.databases.sqlite import dialect
from wayfare.systems.databases.sqlite.dialect import quote


def create(connection: sqlite3.Connection, views: Sequence[View]) -> list[Finding]:
    """SQLite looks at a view's text only when it is used: so each is used once, and dropped again if that fails."""
    findings = []
    for view in views:
        connection.execute("SAVEPOINT one_view")
        try:
            connection.execute(f"DROP VIEW IF EXISTS {quote(view.name)}")
            connection.execute(dialect.create_view(view))
            connection.execute(f"SELECT * FROM {quote(view.name)} LIMIT 0").fetchall()
        except sqlite3.Error as error:
            connection.execute("ROLLBACK TO one_view")
            message = f"the view cannot be created: {error}. Its text is {view.definition}"
            findings.append(Finding("view_failed", Severity.WARNING, message, view.label, "Create it by hand."))
        connection.execute("RELEASE one_view")
    return findings
