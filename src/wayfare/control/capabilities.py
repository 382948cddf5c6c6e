"""What runs can be about: each capability registers its effects with the engine by being imported."""

from __future__ import annotations

from importlib import import_module

CAPABILITIES = ("copy.steps", "schema.steps", "schema.bluegreen")


def register() -> None:
    for name in CAPABILITIES:
        import_module(f"wayfare.{name}")
