"""Who shows a run while it goes on: a live picture on a terminal, lines in a pipe, nobody for JSON."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from wayfare.cli.live import draw
from wayfare.control.picture import Picture
from wayfare.control.plain import line
from wayfare.core.events import Event, Name


class View(Protocol):
    """`tell` hears each event, `refresh` comes a few times a second, `notice` is for what the command itself says."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def tell(self, event: Event, picture: Picture) -> None: ...
    def refresh(self, picture: Picture) -> None: ...
    def notice(self, text: str) -> None: ...


def view_for(console: Console, *, as_json: bool) -> View:
    if as_json:
        return Silent()
    return Moving(console) if console.is_terminal else Lines(console)


class Silent:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return

    def tell(self, event: Event, picture: Picture) -> None:
        return

    def refresh(self, picture: Picture) -> None:
        return

    def notice(self, text: str) -> None:
        return


class Lines(Silent):
    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, event: Event, picture: Picture) -> None:
        """Findings are left to the summary, which tells them in full."""
        if event.name is not Name.FINDING and (text := line(event, picture)):
            self._print(text)

    def notice(self, text: str) -> None:
        self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


class Moving(Silent):
    """Redrawn in place. When it closes, the last picture stays on the screen."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False, vertical_overflow="crop")
        self._notice = ""
        self._last: Picture | None = None

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        """Findings are left out at the end, as the summary tells them in full."""
        if self._last:
            width, height = self._console.size
            self._live.update(draw(self._last, time.time(), width, height, with_findings=False))
        self._live.__exit__(None, None, None)

    def refresh(self, picture: Picture) -> None:
        width, height = self._console.size
        self._last = picture
        self._live.update(draw(picture, time.time(), width, height, self._notice), refresh=True)

    def notice(self, text: str) -> None:
        self._notice = text
