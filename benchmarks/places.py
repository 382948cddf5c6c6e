"""Where the benchmarks keep things, and the environment in which everything measured runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "benchmarks.md"
WAYFARE = Path(sys.executable).parent / "wayfare"

# Each peer has a switch of its own against telling its makers that it ran.
_SILENT = {
    "DO_NOT_TRACK": "1",
    "INGESTR_DISABLE_TELEMETRY": "true",
    "SLING_DISABLE_TELEMETRY": "true",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}
# What a developer's shell may carry and a user's does not: it would change what is measured.
_FOREIGN = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED", "VIRTUAL_ENV", "WAYFARE_", "MALLOC_")


def cache() -> Path:
    """The cache folder: peers, data and results live here between runs, outside the project."""
    folder = platformdirs.user_cache_path("wayfare") / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def environment(**more: str) -> dict[str, str]:
    """The environment of a measured program: the user's, without a developer's switches and with telemetry off."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    return {**kept, **_SILENT, "SLING_HOME_DIR": str(cache() / "sling"), **more}
