"""Many findings of one kind become one: a system without foreign keys is told once, not for each of them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from wayfare.core.findings import Finding

ABSENT = "the target has no such thing."
SHOWN_ONE_BY_ONE_MAX = 2

_PLURALS = {
    "primary_key_not_carried": "primary keys",
    "foreign_key_not_carried": "foreign keys",
    "foreign_key_action_not_carried": "actions of foreign keys (ON DELETE, ON UPDATE)",
    "unique_not_carried": "unique constraints",
    "index_not_carried": "indexes",
    "check_not_carried": "checks",
    "identity_not_carried": "self-numbering columns",
}


def condensed(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """In the order of first appearance. Only what the target lacks as such is counted together; the rest stays."""
    groups: dict[str, list[Finding]] = defaultdict(list)
    for number, finding in enumerate(findings):
        alike = finding.message.endswith(ABSENT) and finding.code in _PLURALS
        groups[finding.code if alike else f"{number}"].append(finding)
    return tuple(told for group in groups.values() for told in _told(group))


def _told(group: list[Finding]) -> list[Finding]:
    if len(group) <= SHOWN_ONE_BY_ONE_MAX:
        return group
    first, tables = group[0], {f.where for f in group}
    where = first.where if len(tables) == 1 else f"{len(tables)} tables"
    message = f"{len(group)} {_PLURALS[first.code]} are not carried over: {ABSENT}"
    return [Finding(first.code, first.severity, message, where, first.advice)]
