"""How amounts are written for people: the same in the command line, in reports and on pages. Pure text."""

from __future__ import annotations

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_MAGNITUDES = ("", " k", " M", " G", " T")


def count(number: int, word: str = "") -> str:
    """`1,234`, or with a word `1 row`, `1,234 rows`."""
    if not word:
        return f"{number:,}"
    return f"{number:,} {word}" if number == 1 else f"{number:,} {plural(word)}"


def plural(word: str) -> str:
    """`table` → `tables`, `match` → `matches`, `entry` → `entries`."""
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def size(number: float) -> str:
    """Bytes in decimal units, three digits at most: `999 B`, `1.2 MB`, `340 MB`."""
    return _scaled(number, 1000.0, tuple(f" {unit}" for unit in _SIZES))


def compact(number: float) -> str:
    """A number in three digits or so: `980`, `12.3 k`, `1.2 M`."""
    return _scaled(number, 1000.0, _MAGNITUDES)


def rate(amount: float, seconds: float, word: str = "rows") -> str:
    """`412 k rows/s`; empty when no time has passed."""
    return f"{compact(amount / seconds)} {word}/s" if seconds > 0 else ""


def duration(seconds: float) -> str:
    """`340 ms`, `3.4 s`, `2 min 05 s`, `3 h 07 min`."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clock(seconds: float) -> str:
    """A time left, steady in width: `0:07`, `12:34`, `1:02:03`."""
    whole = max(round(seconds), 0)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _scaled(number: float, base: float, units: tuple[str, ...]) -> str:
    place = 0
    while abs(number) >= base - 0.5 and place < len(units) - 1:
        number, place = number / base, place + 1
    digits = 0 if place == 0 or abs(number) >= 99.95 else 1
    return f"{number:.{digits}f}{units[place]}"
