"""The SELECT inside of a view's definition, which SQL Server keeps as the whole statement that made it. Pure."""

from __future__ import annotations

import re

_PART = r"(?:\[(?:[^\]]|\]\])+\]|\"(?:[^\"]|\"\")+\"|[\w@#$]+)"
_SKIPPED = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)"
_HEAD = re.compile(
    rf"{_SKIPPED}*CREATE{_SKIPPED}+(?:OR{_SKIPPED}+ALTER{_SKIPPED}+)?VIEW{_SKIPPED}+"
    rf"{_PART}(?:{_SKIPPED}*\.{_SKIPPED}*{_PART})*{_SKIPPED}*"
    rf"(?P<columns>\((?:[^()\[\"]|\[(?:[^\]]|\]\])+\]|\"[^\"]+\")*\))?{_SKIPPED}*"
    rf"(?:WITH{_SKIPPED}+\w+(?:{_SKIPPED}*,{_SKIPPED}*\w+)*{_SKIPPED}+)?AS\b{_SKIPPED}*",
    re.IGNORECASE | re.DOTALL,
)
_CHECK_OPTION = re.compile(r"\s*\bWITH\s+CHECK\s+OPTION\s*$", re.IGNORECASE)


def select_of(definition: str) -> tuple[tuple[str, ...], str]:
    """The columns that the view names, if it does, and its SELECT. The whole text where it does not begin as a view."""
    found = _HEAD.match(definition)
    if not found:
        return (), definition
    listed = re.findall(_PART, re.sub(r"--[^\n]*|/\*.*?\*/", "", found["columns"] or ""))
    text = _CHECK_OPTION.sub("", definition[found.end() :].strip().rstrip(";").rstrip())
    return tuple(map(_bare, listed)), text


def _bare(name: str) -> str:
    if name.startswith("["):
        return name[1:-1].replace("]]", "]")
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
