"""What squawk, a linter for PostgreSQL in a binary of its own, finds beyond our rules."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wayfare.core.errors import SystemFailed
from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Statement

SECONDS_MAX = 60
_OURS = {  # rules of squawk that one of ours covers, which knows what was measured, and those that do not apply
    *("require-concurrent-index-creation", "require-concurrent-index-deletion", "adding-not-nullable-field"),
    *("adding-required-field", "changing-column-type", "adding-foreign-key-constraint", "constraint-missing-not-valid"),
    *("disallowed-unique-constraint", "adding-serial-primary-key-field", "renaming-column", "renaming-table"),
    *("ban-drop-column", "ban-drop-table", "ban-truncate-cascade", "adding-field-with-default", "prefer-identity"),
    *(
        "ban-char-field",
        "prefer-timestamp-tz",
        "prefer-timestamptz",
        "prefer-bigint-over-int",
        "prefer-bigint-over-smallint",
    ),
    *("ban-drop-database", "ban-alter-domain-with-add-constraint", "adding-volatile-default"),
    # We set the time limits of every statement, and carry out in one transaction what can be: nothing is repeated.
    *("require-timeout-settings", "require-lock-timeout", "require-statement-timeout", "prefer-robust-stmts"),
    *("transaction-nesting", "ban-concurrent-index-creation-in-transaction", "prefer-text-field"),
}
_SEVERITIES = {"Error": Severity.ERROR, "Warning": Severity.WARNING}


def squawk(script: str) -> list[Finding]:
    """Findings about a script for PostgreSQL. Raises SystemFailed where squawk says nothing that can be read."""
    binary = _binary()
    if not binary:
        advice = "Install it with `pip install squawk-cli` for more rules."
        return [Finding("squawk", Severity.INFO, "squawk is not installed here, and was not asked", "", advice)]
    command = [binary, "--reporter", "json", "--stdin-filepath", "change.sql"]
    try:
        ended = subprocess.run(  # noqa: S603, it is the program of our own environment, and gets the script as its input
            command, input=script.encode(), capture_output=True, check=False, timeout=SECONDS_MAX
        )
        found = json.loads(ended.stdout or b"[]")
    except subprocess.TimeoutExpired as error:
        raise SystemFailed(f"squawk took more than {SECONDS_MAX} s.", where="squawk") from error
    except ValueError as error:
        raise SystemFailed(f"squawk failed: {ended.stderr.decode(errors='replace').strip()}", where="squawk") from error
    return [_finding(one) for one in found if one["rule_name"] not in _OURS]


def beside(statements: Sequence[Statement], dialect: str) -> list[Finding]:
    """What a linter of its own says, where there is one for the dialect. Nobody has measured it: it only warns."""
    if dialect != "postgres":
        return []
    found = squawk(laid_out(statements))
    return [replace(f, severity=Severity.WARNING) if f.severity is Severity.ERROR else f for f in found]


def laid_out(statements: Sequence[Statement]) -> str:
    """The statements as a script, each on the line where its author wrote it."""
    lines: list[str] = []
    for statement in statements:
        lines += [""] * (statement.line - 1 - len(lines))
        lines += f"{statement.text};".split("\n")
    return "\n".join(lines)


def _binary() -> str | None:
    """Beside Python, where the wheel puts it, or wherever programs are."""
    beside = Path(sys.executable).parent / ("squawk.exe" if sys.platform == "win32" else "squawk")
    return str(beside) if beside.exists() else shutil.which("squawk")


def _finding(one: dict[str, object]) -> Finding:
    severity = _SEVERITIES.get(str(one["level"]), Severity.WARNING)
    line = int(str(one["line"])) + 1
    return Finding("squawk", severity, f"{one['rule_name']}: {one['message']}", f"line {line}", str(one["help"] or ""))
