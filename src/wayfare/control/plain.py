"""A run's story in plain lines, for logs and pipes: one line for each thing that happened, no control characters."""

from __future__ import annotations

from wayfare.control.picture import LOAD, Picture
from wayfare.core.amounts import count, duration, rate
from wayfare.core.events import Event, Name
from wayfare.core.status import Status

CONTROL = {i: f"\\x{i:02x}" for i in (*range(32), 127, *range(128, 160))}


def clean(text: str) -> str:
    """The text without control characters: a table's name must not be able to move somebody's cursor."""
    return text.translate(CONTROL)


def line(event: Event, picture: Picture) -> str:
    """What to print for an event that `picture` has just taken in; "" for those that only matter to the picture."""
    return clean(_line(event, picture))


def _line(event: Event, picture: Picture) -> str:
    match event.name:
        case Name.STATUS:
            return _status(picture)
        case Name.PHASE_DONE:
            phase = next((p for p in picture.phases if p.name == event.step), None)
            return f"{event.step}: done in {duration(phase.seconds(event.at))}" if phase else ""
        case Name.STEP_DONE:
            return _table_loaded(event, picture)
        case Name.STEP_FAILED:
            again = ", trying again" if event.data.get("retryable") else ""
            return f"{event.step}: {event.data.get('message', 'failed')}{again}"
        case Name.FINDING:
            where = f"{event.data['where']}: " if event.data.get("where") else ""
            return f"{event.data.get('severity', 'info')}: {where}{event.data.get('message', '')}"
        case Name.ADOPTED:
            return f"taken over from {event.data.get('from') or 'a process that is gone'}"
        case Name.ASKED:
            return f"asked to {event.data.get('what', 'stop')}"
        case _:
            return ""


def _status(picture: Picture) -> str:
    if picture.status is Status.QUEUED:
        return ""
    reason = f" ({picture.reason})" if picture.reason and picture.status is not Status.FAILED else ""
    return (
        f"{picture.status}{reason}: {picture.title}"
        if picture.status is Status.RUNNING
        else f"{picture.status}{reason}"
    )


def _table_loaded(event: Event, picture: Picture) -> str:
    """One line per table, when its last chunk has arrived."""
    table = picture.table_of(event.step)
    if not table or not picture.is_a(LOAD, event.step) or table.chunks_done < table.chunks:
        return ""
    seconds = table.ended_at - table.started_at
    speed = rate(table.rows, seconds) if table.rows else ""
    return f"load {table.label}: {count(table.rows, 'row')} in {duration(seconds)}" + (f" ({speed})" if speed else "")
