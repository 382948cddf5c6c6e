"""The picture on a terminal: it fits, it shows what matters, and what databases call their things cannot break it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from unit.cli.story import START, done, phase, plan_of, started, status
from wayfare.cli.live import draw
from wayfare.control.picture import Picture
from wayfare.core.findings import Finding, Severity


def lines(picture: Picture, width: int = 100, height: int = 30, notice: str = "") -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False)
    console.print(draw(picture, START + 10, width, height, notice))
    return out.getvalue().splitlines()


def halfway(count: int) -> Picture:
    """Of `count` tables, a third is loaded, a third is being loaded, a third waits."""
    names = [f"table_{i:03d}" for i in range(count)]
    warnings = [Finding("x", Severity.WARNING, "look at it " * 20, f"table_{i:03d}") for i in range(9)]
    picture = Picture(plan_of(dict.fromkeys(names, 1000), findings=warnings))
    events = [status("running"), *phase("check", 0, 1), *phase("stage", 1, 2), *phase("load", 2)]
    for name in names[: count // 3]:
        events += [started(f"load {name} 1/1", 2), done(f"load {name} 1/1", 3, rows=1000)]
    events += [started(f"load {name} 1/1", 3) for name in names[count // 3 : 2 * count // 3]]
    list(picture.see(events))
    progress = {f"load {name} 1/1": {"rows": 500} for name in names[count // 3 : 2 * count // 3]}
    picture.measure({}, START + 5)
    picture.measure(progress, START + 6)
    return picture


@pytest.mark.parametrize("height", [16, 24, 50])
@pytest.mark.parametrize("width", [50, 80, 100, 200])
@pytest.mark.parametrize("count", [1, 3, 30, 300])
def test_fits(width, height, count):
    shown = lines(halfway(count), width, height, "Pausing.")
    assert len(shown) <= height
    assert max(map(len, shown)) <= width


def test_shows_the_active_and_sums_up_the_others():
    shown = "\n".join(lines(halfway(60), height=40))
    assert "table_020" in shown
    assert "tables loaded" in shown
    assert "tables waiting" in shown
    assert "50 %" in shown
    assert "30,000 of 60.0 k" in shown


def test_shows_phases():
    shown = lines(halfway(3))[1]
    assert shown.startswith("✓ check 1.0 s  ✓ stage 1.0 s")
    assert "load 1/3 8.0 s" in shown
    assert "· verify" in shown


def test_says_what_was_verified():
    picture = halfway(3)
    list(picture.see([*phase("load", 2, 4), *phase("verify", 4), done("verify table_000", 5)]))
    assert [line.split()[-1] for line in lines(picture) if "table_000  " in line] == ["equal"]


def test_names_are_shown_as_they_are_and_cannot_move_the_cursor():
    picture = Picture(plan_of({"[red]alarm[/red]": 10, "evil\x1b[2J\r\n": 10}))
    shown = "\n".join(lines(picture))
    assert "[red]alarm[/red]" in shown
    assert "evil\\x1b[2J\\x0d\\x0a" in shown
