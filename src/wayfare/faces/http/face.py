"""What a face is: a folder of `faces` whose `__init__` defines FACE. Found, never listed."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fastapi import APIRouter

from wayfare.core.errors import WayfareError

Rendered = tuple[int, dict[str, Any]]  # status code and JSON body


@dataclass(frozen=True, slots=True)
class Face:
    name: str
    service: str  # what its document calls the service
    port: int  # the port its document names
    router: APIRouter
    prefixes: tuple[str, ...]  # the paths that are this face's: errors there wear its envelope
    render: Callable[[WayfareError], Rendered]


def faces() -> Sequence[Face]:
    package = import_module("wayfare.faces")
    modules = (import_module(m.name) for m in pkgutil.iter_modules(package.__path__, package.__name__ + "."))
    return [face for m in modules if (face := getattr(m, "FACE", None))]
