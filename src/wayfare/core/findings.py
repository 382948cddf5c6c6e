"""One shape for everything that inspects: checks, type policy, verification, comparison, lint."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    INFO = "info"  # worth knowing
    WARNING = "warning"  # somebody should look; nothing is lost
    ERROR = "error"  # stops the run until it is mended or allowed


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed: `code` is stable and documented, `advice` says what to do next."""

    code: str
    severity: Severity
    message: str
    where: str = ""  # "shop.orders.total", "source", "--cursor"
    advice: str = ""
