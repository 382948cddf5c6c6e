"""Batches on their way: read ahead in a thread of their own, so that reading and writing overlap."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

PIPE_DEPTH = 3  # batches between reader and consumer: more only holds memory


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


def piped(items: Iterable[T], depth: int = PIPE_DEPTH) -> Generator[T, None, None]:
    """The same items, read ahead by a thread. At most `depth` wait, one more is in the reader's hand.

    The reader's error is raised here, after the items before it. Closing early stops the reader after the item it is
    reading, closes `items` in the reader's thread, and waits for it; an error of that closing is dropped, since whoever
    closes early has his own reason.
    """
    channel: queue.Queue[T | _End] = queue.Queue(depth)
    abandoned = threading.Event()
    context = contextvars.copy_context()  # so that the reader's log lines carry the same run
    reader = threading.Thread(target=context.run, args=(_read, items, channel, abandoned), daemon=True)
    reader.start()
    item: T | _End | None = None
    try:
        while not isinstance(item := channel.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        abandoned.set()
        while not isinstance(item, _End):  # make room, until the reader has seen it
            item = channel.get()
        reader.join()


def _read(items: Iterable[T], channel: queue.Queue[T | _End], abandoned: threading.Event) -> None:
    error: BaseException | None = None
    iterator = iter(items)
    try:
        for item in iterator:
            channel.put(item)
            if abandoned.is_set():
                break
    except BaseException as raised:
        error = raised
    try:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    except BaseException as raised:
        error = error or raised
    channel.put(_End(error))
