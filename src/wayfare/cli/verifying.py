"""`wayfare verify`: compare, and say where the two differ."""

from __future__ import annotations

import os
from functools import partial

from rich.console import Console
from rich.text import Text

from wayfare.cli.request import CopyOptions, asking_passwords, request_of
from wayfare.cli.screen import console, errors_console, print_json
from wayfare.cli.summary import Advice, command, print_differences, print_findings, print_summary, to_json
from wayfare.control.copies import keyed
from wayfare.control.copies import verify as compare
from wayfare.control.plain import clean
from wayfare.copy.report import Report, TableProof
from wayfare.copy.request import CopyRequest
from wayfare.core.amounts import count, duration
from wayfare.core.errors import Mismatch
from wayfare.settings import Settings
from wayfare.store.seal import Sealer


def verify(options: CopyOptions, *, rows: bool, as_json: bool) -> int:
    """0 when both are equal, Mismatch's exit code when not."""
    request = _keyed(request_of(options))
    seen = (lambda label, proof: None) if as_json else partial(_tell, console())

    def compared(wanted: CopyRequest) -> Report:
        with errors_console().status(Text(f"Comparing {wanted.source} with {wanted.target}")):
            return compare(wanted, rows=rows, seen=seen)

    report = asking_passwords(request, compared)
    code = 0 if report.outcome == "equal" else Mismatch.exit_code
    if as_json:
        print_json(to_json(report, None, exit_code=code))
        return code
    print_findings(console(), report.findings)
    print_differences(console(), report.tables)
    print_summary(console(), report, None, _next(request, rows, code))
    return code


def _keyed(request: CopyRequest) -> CopyRequest:
    """Only masks need the installation's key."""
    if not request.masks:
        return request
    settings = Settings.read(os.environ)
    return keyed(request, Sealer(settings.key, settings.home))


def _tell(out: Console, label: str, proof: TableProof | None) -> None:
    if proof is None:
        return
    mark = ("✓ ", "green") if proof.equal else ("✗ ", "bold red")
    amounts = count(proof.rows_source, "row")
    if proof.rows_source != proof.rows_target:
        amounts += f" in the source, {count(proof.rows_target)} in the target"
    text = Text.assemble(mark, clean(label), (f"  {amounts}, {duration(proof.seconds_verify)}", "dim"))
    out.print(text, soft_wrap=True)


def _next(request: CopyRequest, rows: bool, code: int) -> Advice:
    if code == 0 or rows:
        return []
    return [
        ("next", command("verify", str(request.source), str(request.target), "--rows") + " shows the rows that differ")
    ]
