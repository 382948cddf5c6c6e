"""Write docs/openapi/*.json: `uv run python tests/faces/describe.py`. What breaks clients needs --breaking."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from faces.breaking import breaking
from moving import home
from wayfare.faces.http.access import Access
from wayfare.faces.http.app import create_app
from wayfare.faces.http.docs import descriptions
from wayfare.faces.http.face import faces

FOLDER = Path(__file__).parents[2] / "docs" / "openapi"


def described() -> dict[str, Any]:
    """By face."""
    with tempfile.TemporaryDirectory() as folder, home(Path(folder)) as (settings, store):
        return descriptions(create_app(store, faces(), Access.to(store, settings)))


def text(description: Any) -> str:
    return json.dumps(description, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name, new in described().items():
        path = FOLDER / f"{name}.json"
        broken = breaking(json.loads(path.read_text(encoding="utf-8")), new) if path.exists() else []
        if broken and "--breaking" not in sys.argv:
            print(f"{name}:", *broken, sep="\n  ")
            return 1
        path.write_text(text(new), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
