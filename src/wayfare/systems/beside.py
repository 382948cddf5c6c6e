"""A thread that looks after something for as long as a block of code takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(name: str, work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Meanwhile, `work` runs in a thread of that name. The event it is given is set when the block has ended, and its
    end is waited for. It catches what it can raise: nobody would hear of it.
    """
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
