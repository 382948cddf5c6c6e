"""What people may ask of a run in each status, and what becomes of it.

Where nobody is at work on the run, the wish is fulfilled here; else it is noted in `asked`, for the engine to fulfil.
"""

from __future__ import annotations

import sqlalchemy as sa

from wayfare.core.errors import Conflict, Invalid
from wayfare.core.events import Event, Name
from wayfare.core.status import Status
from wayfare.store import journal
from wayfare.store.schema import EVENTS, RUNS

WAIT, GO, DROP, ENGINE, NEXT_ROUND = "wait", "go", "drop", "engine", "next round"

# (wish, status) → what to do; what is not here is refused.
ANSWERS: dict[tuple[str, Status], str] = {
    ("pause", Status.QUEUED): WAIT,
    ("pause", Status.RUNNING): ENGINE,
    ("resume", Status.WAITING): GO,
    ("resume", Status.FAILED): GO,
    ("resume", Status.CANCELLED): GO,
    ("cancel", Status.QUEUED): DROP,
    ("cancel", Status.WAITING): DROP,
    ("cancel", Status.RUNNING): ENGINE,
    ("rollback", Status.QUEUED): NEXT_ROUND,
    ("rollback", Status.RUNNING): ENGINE,
    ("rollback", Status.WAITING): NEXT_ROUND,
    ("rollback", Status.SUCCEEDED): NEXT_ROUND,
    ("rollback", Status.FAILED): NEXT_ROUND,
    ("rollback", Status.CANCELLED): NEXT_ROUND,
}
WISHES = ("pause", "resume", "cancel", "rollback")


def wish(connection: sa.Connection, run: str, what: str) -> None:
    """Raises Invalid for a word that is no wish, Conflict where the status does not allow it."""
    if what not in WISHES:
        raise Invalid(
            f"{what!r} cannot be asked of a run.", where="ask", remedy=f"Ask for one of: {', '.join(WISHES)}."
        )
    row = journal.lock(connection, run)
    status = Status(row.status)
    answer = ANSWERS.get((what, status))
    if row.asked == what:
        return
    if answer is None or row.asked == "rollback":
        raise Conflict(
            f"run {run} is {status}; {what} is not possible now.", where="run", remedy=_remedy(status, row.asked)
        )
    where = (EVENTS.c.run == run, EVENTS.c.name == Name.ASKED)
    before = connection.execute(sa.select(sa.func.count()).where(*where)).scalar_one()
    journal.append(connection, Event(run, Name.ASKED, attempt=before + 1, data={"what": what}))
    _answer(connection, run, what, status, answer, row.round)


def _answer(connection: sa.Connection, run: str, what: str, status: Status, answer: str, round_: int) -> None:
    if answer == WAIT:
        journal.move(connection, run, Status.WAITING, "paused")
    elif answer == GO:
        journal.move(connection, run, Status.QUEUED)
    elif answer == DROP:
        journal.move(connection, run, Status.CANCELLED, "cancelled")
    else:
        if status is Status.QUEUED:  # what has not begun in this round cannot be undone; what earlier rounds did, can
            journal.move(connection, run, Status.CANCELLED, "cancelled")
        changes = {"asked": what, "round": round_ + (answer == NEXT_ROUND)}
        connection.execute(sa.update(RUNS).where(RUNS.c.id == run).values(**changes))


def _remedy(status: Status, asked: str) -> str:
    if asked == "rollback" or status is Status.UNDOING:
        return "It is being rolled back; wait for its end."
    possible = [w for (w, s) in ANSWERS if s is status]
    return f"Possible now: {', '.join(possible)}." if possible else "Start a new run."
