"""The options that several commands share, said once. Only names, types and help; nothing here is heavy to import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="Where the tables are, such as mysql://user@host/shop.", show_default=False),
]
Target = Annotated[
    str,
    typer.Argument(metavar="TARGET", help="Where they go, such as postgresql://user@host/shop.", show_default=False),
]
RunReference = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, or the beginning of one; the newest run by default.")
]
Tables = Annotated[
    list[str] | None,
    typer.Option(
        "--tables",
        metavar="PATTERNS",
        help="Only these, such as orders,sales.* (comma or repeat).",
    ),
]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", metavar="PATTERNS", help="All but these.")]
SchemaOnly = Annotated[bool, typer.Option("--schema-only", help="Tables without their rows.")]
DataOnly = Annotated[bool, typer.Option("--data-only", help="Rows, into tables that exist.")]
ModeName = Annotated[
    str,
    typer.Option("--mode", metavar="replace|append|merge", help="What becomes of rows that are there."),
]
Incremental = Annotated[bool, typer.Option("--incremental", help="Only what is new since the last copy.")]
Cursor = Annotated[str, typer.Option("--cursor", metavar="COLUMN", help="The column that tells what is new.")]
Since = Annotated[str, typer.Option("--since", metavar="VALUE", help="Where to start, instead of the last end.")]
Deletes = Annotated[bool, typer.Option("--deletes", help="Also remove rows that are gone from the source.")]
KeepReplaced = Annotated[bool, typer.Option("--keep-replaced", help="Leave replaced tables beside the new ones.")]
TypeFile = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE", help="A TOML file with types and names to use (docs/map.md)."),
]
Masks = Annotated[
    list[str] | None,
    typer.Option("--mask", metavar="COLUMN=HOW", help="Such as customers.email=sha256 (repeat)."),
]
AllowLoss = Annotated[
    list[str] | None,
    typer.Option("--allow-loss", metavar="COLUMN", help="Values that do not fit become NULL (repeat)."),
]
Workers = Annotated[
    int, typer.Option("--workers", metavar="N", min=0, show_default=False, help="Chunks at once (as set).")
]
RowsPerSecond = Annotated[
    int, typer.Option("--rows-per-second", metavar="N", min=0, show_default=False, help="At most (no limit).")
]
RowsPerChunk = Annotated[
    int,
    typer.Option("--rows-per-chunk", metavar="N", min=0, show_default=False, help="Chosen by the size of the rows."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, and nothing else.")]
