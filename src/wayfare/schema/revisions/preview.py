"""A dry run of what is pending: each revision studied, one after the other, on one clone's worth of knowledge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.core.changes import Schema
from wayfare.core.codec import encode
from wayfare.core.findings import Finding, Severity
from wayfare.core.ports import Executes
from wayfare.schema.revisions.files import Revision, order
from wayfare.schema.revisions.history import HISTORY, compare
from wayfare.schema.revisions.runner import Options, change_of
from wayfare.schema.study import Draft, Study, studies


@dataclass(frozen=True, slots=True)
class Previewed:
    revision: Revision
    study: Study


@dataclass(frozen=True, slots=True)
class Preview:
    revisions: tuple[Previewed, ...]
    findings: tuple[Finding, ...]  # of folder and history

    @property
    def refused(self) -> bool:
        return any(f.severity is Severity.ERROR for f in self.findings) or any(p.study.refused for p in self.revisions)

    @property
    def estimate_seconds(self) -> float:
        return sum(p.study.estimate_seconds for p in self.revisions)

    def to_json(self) -> dict[str, Any]:
        return {
            "revisions": [
                {"version": p.revision.version, "name": p.revision.name, **encode(p.study)} for p in self.revisions
            ],
            "findings": [encode(f) for f in self.findings],
            "estimate_seconds": round(self.estimate_seconds, 3),
            "refused": self.refused,
        }


def preview(schema: Schema, files: Sequence[Revision], options: Options, replica: Executes | None = None) -> Preview:
    """What `apply` would do, and nothing else: no lock is taken, no table of ours is made.

    Raises Invalid, naming file and line, for a script that cannot be read.
    """
    compared = compare(
        files, schema.entries(HISTORY), environment=options.environment, out_of_order=options.out_of_order
    )
    pending = [r for r in compared.pending if not options.to or order(r.version) <= order(options.to)]
    drafts = [_draft(schema, revision, options) for revision in pending]
    found = studies(schema, drafts, replica=replica)
    made = (Previewed(revision, study) for revision, study in zip(pending, found, strict=True))
    return Preview(tuple(made), compared.findings)


def _draft(schema: Schema, revision: Revision, options: Options) -> Draft:
    up = change_of(schema, revision, options).statements
    down = change_of(schema, revision, options, undoing=True).statements if revision.down is not None else None
    return Draft(up, down, options.environment)
