"""What carries steps out, by tag. Capabilities register theirs by being imported; the engine imports no capability."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from wayfare.core.errors import Bug
from wayfare.core.plan import Effect, Holder

E = TypeVar("E", bound=type[Effect])
H = TypeVar("H", bound=Holder)
T = TypeVar("T")

_EFFECTS: dict[str, Effect] = {}
_HOLDERS: dict[str, Holder] = {}


def effect(tag: str) -> Callable[[E], E]:
    """Register a class, made once without arguments. Raises Bug when the tag is taken."""

    def register(made: E) -> E:
        carries: Effect = made()
        _put(_EFFECTS, tag, carries)
        return made

    return register


def holder(tag: str) -> Callable[[H], H]:
    """Register a function that gives a context manager. Raises Bug when the tag is taken."""

    def register(made: H) -> H:
        holds: Holder = made
        _put(_HOLDERS, tag, holds)
        return made

    return register


def effect_of(tag: str) -> Effect:
    return _get(_EFFECTS, tag, "effect")


def holder_of(tag: str) -> Holder:
    return _get(_HOLDERS, tag, "holder")


def _put(registry: dict[str, T], tag: str, made: T) -> None:
    if tag in registry:
        raise Bug(f"two of the same tag {tag!r} are registered.")
    registry[tag] = made


def _get(registry: dict[str, T], tag: str, what: str) -> T:
    if tag not in registry:
        raise Bug(f"no {what} is registered as {tag!r}.", remedy="Was the capability imported?")
    return registry[tag]
