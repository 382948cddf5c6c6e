"""What a face is: a folder of `faces` whose `__init__` defines FACE. Found, never listed."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from fastapi import APIRouter

from wayfare.core.errors import WayfareError

Rendered = tuple[int, dict[str, Any]]  # status code and JSON body


@dataclass(frozen=True, slots=True)
class Face:
    """Every route of `router` says what it needs: `Depends(Needs("runs.read"))`, or stands in `public.PUBLIC`."""

    name: str
    service: str  # what its document calls the service
    port: int  # the port its document names
    router: APIRouter
    prefixes: tuple[str, ...]  # the paths that are this face's: errors there wear its envelope
    render: Callable[[WayfareError], Rendered]  # where HTTP or sign-in fix the status (401, 413 …), its body
    error_media: str = "application/json"
    error_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})  # JSON Schema of the envelope
    fallback: bool = False  # errors on paths of no face wear this one's envelope


def faces() -> Sequence[Face]:
    package = import_module("wayfare.faces")
    modules = (import_module(m.name) for m in pkgutil.iter_modules(package.__path__, package.__name__ + "."))
    return [face for m in modules if (face := getattr(m, "FACE", None))]
