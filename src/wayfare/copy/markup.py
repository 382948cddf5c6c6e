"""Build HTML so that escaping cannot be forgotten: text is escaped, only what `tag` made is not."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_VOID = frozenset({"br", "hr", "line", "path", "rect", "circle", "polyline", "use"})


class Markup(str):
    """Finished HTML. Any other text counts as data and is escaped when it is put into a tag."""

    __slots__ = ()


Part = str | None | Sequence["Part"]


def tag(name: str, *parts: Part, **attributes: str | float | None) -> Markup:
    """`tag("td", "a < b", class_="number")` → `<td class="number">a &lt; b</td>`.

    None is left out, in attributes and among the parts; lists of parts are flattened. In an attribute's name `_` stands
    for `-`, and is dropped at the end.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not parts:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(*parts)}</{name}>")


def join(*parts: Part) -> Markup:
    """The parts one after another, escaped where they are plain text."""
    return Markup("".join(_text(part) for part in parts))


def _text(part: Part) -> str:
    if part is None:
        return ""
    if isinstance(part, Markup):
        return part
    return escape(part) if isinstance(part, str) else join(*part)
