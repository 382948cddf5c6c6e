"""How errors are told."""

from __future__ import annotations

import json

import pytest
import typer

from wayfare.cli import screen
from wayfare.cli.failures import answering, exit_code_of
from wayfare.core import errors


@pytest.fixture(autouse=True)
def fresh_consoles(monkeypatch):
    """Consoles hold on to the streams of the moment they were made."""
    monkeypatch.delenv("WAYFARE_DEBUG", raising=False)
    screen.console.cache_clear()
    screen.errors_console.cache_clear()
    yield
    screen.console.cache_clear()
    screen.errors_console.cache_clear()


def answer(error: BaseException, *, as_json: bool = False) -> int:
    with pytest.raises(typer.Exit) as left, answering(as_json):
        raise error
    return left.value.exit_code


def all_errors() -> list[type[errors.WayfareError]]:
    return [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.WayfareError)]


@pytest.mark.parametrize("kind", all_errors(), ids=lambda k: k.__name__)
def test_each_error_has_its_exit_code(kind, capsys):
    assert answer(kind("it is wrong.", where="orders", remedy="Mend it.")) == kind.exit_code == exit_code_of(kind.code)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "✗ orders: it is wrong.\n  Mend it.\n"


def test_codes_are_distinct():
    codes = [k.code for k in all_errors()]
    assert len(codes) == len(set(codes))


def test_json_goes_to_standard_output_alone(capsys):
    assert answer(errors.NotFound("no.", where="run", remedy="Look."), as_json=True) == 3
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": {"code": "not_found", "message": "no.", "where": "run", "remedy": "Look."}}
    assert err == ""


def test_the_unexpected_is_told_without_a_traceback(capsys):
    assert answer(ZeroDivisionError("division by zero")) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in err
    assert "WAYFARE_DEBUG=1" in err
    assert "Traceback" not in err


def test_debug_lets_errors_through(monkeypatch):
    monkeypatch.setenv("WAYFARE_DEBUG", "1")
    with pytest.raises(errors.NotFound), answering(False):
        raise errors.NotFound("no.")


def test_ctrl_c_is_not_a_failure(capsys):
    assert answer(KeyboardInterrupt()) == 130


def test_markup_in_messages_is_text(capsys):
    answer(errors.NotFound("no table [bold]x[/bold]."))
    assert "[bold]x[/bold]" in capsys.readouterr().err


def test_an_unknown_code_is_a_failure():
    assert exit_code_of("of_another_version") == 1
