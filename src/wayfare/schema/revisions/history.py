"""The folder against the database's history: what is applied, what is pending, and what does not fit together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from wayfare.core.changes import Entry, Standing
from wayfare.core.errors import Conflict
from wayfare.core.findings import Finding, Severity
from wayfare.schema.revisions.files import Revision, order

HISTORY = "revisions"
ADOPTED = "adopted from "  # at the beginning of an entry's `by`


@dataclass(frozen=True, slots=True)
class Compared:
    """`pending` in the order in which they will be applied; the first may have been begun already."""

    applied: tuple[Entry, ...]
    pending: tuple[Revision, ...]
    findings: tuple[Finding, ...]
    begun: Mapping[str, Entry]  # entries of pending revisions that were begun, and have not ended well

    @property
    def current(self) -> str:
        """The latest version that is applied; "" for none."""
        return max((e.version for e in self.applied), key=order, default="")

    def refuse(self) -> None:
        """Raises Conflict with the first error there is."""
        for finding in self.findings:
            if finding.severity is Severity.ERROR:
                raise Conflict(finding.message, where=finding.where, remedy=finding.advice)


def compare(
    files: Sequence[Revision], entries: Sequence[Entry], *, environment: str = "", out_of_order: bool = False
) -> Compared:
    """`environment` is what this runner says it is; "" asks nothing."""
    ours = {e.version: e for e in entries if e.history == HISTORY and e.standing is not Standing.UNDONE}
    applied = {v: e for v, e in ours.items() if e.standing is Standing.APPLIED}
    known = {f.version: f for f in files}
    pending = tuple(f for f in files if f.version not in applied)
    begun = {f.version: ours[f.version] for f in pending if f.version in ours}
    findings = (
        *_environments(ours.values(), environment),
        *_missing(applied, known),
        *_edited(applied, begun, known),
        *([] if out_of_order else _late(applied, pending)),
        *_unfinished(begun),
    )
    return Compared(tuple(applied.values()), pending, findings, begun)


def _environments(entries: Iterable[Entry], environment: str) -> Iterator[Finding]:
    others = sorted({e.environment for e in entries if e.environment} - {environment})
    if environment and others:
        yield Finding(
            "history_shared",
            Severity.ERROR,
            f"this database's history is that of {others[0]}, not of {environment}: two environments would share it.",
            "environment",
            "Check the address: each environment has a database of its own.",
        )


def _missing(applied: Mapping[str, Entry], known: Mapping[str, Revision]) -> Iterator[Finding]:
    """Versions that the database has and the folder has not."""
    newest = max((order(v) for v in known), default=())
    for version, entry in applied.items():
        if version in known or entry.by.startswith(ADOPTED):
            continue
        if order(version) > newest:
            yield Finding(
                "checkout_old",
                Severity.ERROR,
                f"the database is at {version}_{entry.name}, which this folder does not know yet.",
                version,
                "Update the checkout: an older one must not change a newer database.",
            )
        else:
            yield Finding(
                "revision_missing",
                Severity.ERROR,
                f"{version}_{entry.name} was applied, and its file is gone.",
                version,
                f"Put the file back, or forget it with: wayfare schema repair --forget {version}",
            )


def _edited(
    applied: Mapping[str, Entry], begun: Mapping[str, Entry], known: Mapping[str, Revision]
) -> Iterator[Finding]:
    """A file that is no longer what was applied. One that is partly applied may not change either."""
    partly = {v: e for v, e in begun.items() if e.done}
    for version, entry in {**applied, **partly}.items():
        if version in known and entry.checksum and entry.checksum != known[version].checksum:
            yield Finding(
                "revision_edited",
                Severity.ERROR,
                f"{known[version].path.name} was edited after it was applied.",
                version,
                "Put it back as it was, and make the change in a new file. Where only its wording changed: "
                f"wayfare schema repair --accept {version}",
            )


def _late(applied: Mapping[str, Entry], pending: Sequence[Revision]) -> Iterator[Finding]:
    newest = max(applied, key=order, default="")
    for revision in pending:
        if newest and order(revision.version) < order(newest):
            yield Finding(
                "revision_out_of_order",
                Severity.ERROR,
                f"{revision.path.name} comes before {newest}, which is applied already.",
                revision.version,
                "Give it the next free version; or apply it all the same with --out-of-order.",
            )


def _unfinished(begun: Mapping[str, Entry]) -> Iterator[Finding]:
    for version, entry in begun.items():
        if entry.standing is Standing.UNDOING:
            told = f"{version}_{entry.name} is being taken back: {entry.done} of {entry.total} statements are done."
            yield Finding(
                "revision_undoing",
                Severity.ERROR,
                told + (f" {entry.error}" if entry.error else ""),
                version,
                "Bring that to its end first: wayfare schema rollback",
            )
            continue
        how = f": {entry.error}" if entry.error else ""
        yield Finding(
            "revision_unfinished",
            Severity.WARNING,
            f"{version}_{entry.name} stands at {entry.done} of {entry.total} statements ({entry.standing}){how}",
            version,
            "`wayfare schema apply` goes on from there.",
        )
