"""How errors are told: what is wrong, where, and what to do; never a traceback, unless WAYFARE_DEBUG=1 asks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from wayfare.core.errors import Bug, Stopped, WayfareError

INTERRUPTED = Stopped.exit_code


@contextmanager
def answering(as_json: bool) -> Iterator[None]:
    """Turn whatever is raised inside into words on standard error (or JSON on standard output) and an exit code."""
    try:
        yield
    except WayfareError as error:
        raise typer.Exit(told(error, as_json)) from None
    except KeyboardInterrupt:
        raise typer.Exit(told(Stopped("interrupted."), as_json)) from None
    except (typer.Exit, typer.Abort):
        raise
    except BrokenPipeError:
        _drop_output()
        raise typer.Exit(1) from None
    except Exception as error:
        raise typer.Exit(told(_unexpected(error), as_json)) from None


def told(error: WayfareError, as_json: bool) -> int:
    """Print the error, and give its exit code."""
    if os.environ.get("WAYFARE_DEBUG") == "1":
        raise error
    if as_json:
        from wayfare.cli.screen import print_json

        print_json({"error": fields(error)})
    else:
        show(fields(error))
    return error.exit_code


def fields(error: WayfareError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "where": error.where, "remedy": error.remedy}


def show(failure: Mapping[str, Any]) -> None:
    """A failure's fields, as `fields` and the journal give them, on standard error."""
    from rich.text import Text

    from wayfare.cli.screen import errors_console

    where = f"{failure['where']}: " if failure.get("where") else ""
    text = Text.assemble(("✗ ", "bold red"), (where, "bold"), str(failure.get("message", "")))
    if failure.get("remedy"):
        text.append(f"\n  {failure['remedy']}", "cyan")
    errors_console().print(text, soft_wrap=True)


def exit_code_of(code: str) -> int:
    """The exit code of the error class with that code: a journal keeps only the code."""
    kinds = [WayfareError]
    for kind in kinds:
        if kind.code == code:
            return kind.exit_code
        kinds.extend(kind.__subclasses__())
    return WayfareError.exit_code


def _unexpected(error: Exception) -> WayfareError:
    if os.environ.get("WAYFARE_DEBUG") == "1":
        raise error
    return Bug(
        f"something went wrong that should not have: {type(error).__name__}: {error}",
        remedy="Run it again with WAYFARE_DEBUG=1 to see where, and please report that.",
    )


def _drop_output() -> None:
    """Whoever read our output has left (`wayfare runs | head`): write what is still buffered to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
