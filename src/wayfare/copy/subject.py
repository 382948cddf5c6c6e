"""What the steps of one copy share: for each table what is read, what it becomes, and how the rows travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wayfare.core.codec import decode, encode
from wayfare.core.landing import Landing, Limits, Verdict
from wayfare.core.plan import Json, StepContext
from wayfare.core.ports import Mode
from wayfare.core.redacted import Redacted
from wayfare.core.tables import Sequence, Table, View
from wayfare.flow.cast import Cast
from wayfare.flow.mask import NO_KEY, PURPOSE, Mask, parse_mask

RELAY = "relay"
ARROW = "arrow"


@dataclass(frozen=True, slots=True)
class TableCopy:
    """One table on its way. `limits` belong to `landed.written`, in order."""

    source: str  # labels, for people
    target: str
    table: Table  # in the source
    landed: Table  # in the target
    limits: tuple[Limits, ...]
    verdicts: tuple[Verdict, ...]
    allow_loss: tuple[str, ...] = ()  # names of columns
    masks: tuple[str, ...] = ()  # "email=sha256"
    mode: Mode = Mode.REPLACE
    cursor: str = ""  # the column an incremental copy continues by
    path: str = ARROW
    form: str = ""  # the relay's format
    chunks: int = 0
    rows_estimate: int = 0
    bytes_estimate: int = 0
    statements: tuple[str, ...] = ()  # the DDL, for people
    exists: bool = False  # is there such a table in the target already?
    added: tuple[str, ...] = ()  # columns that the existing target table is to get

    @property
    def landings(self) -> tuple[Landing, ...]:
        answers = zip(self.landed.written, self.verdicts, self.limits, strict=True)
        return tuple(Landing(column, verdict, limits=limits) for column, verdict, limits in answers)

    def cast(self, context: StepContext) -> Cast:
        """From batches as the source gives them to batches as the target holds them."""
        key = context.secret(PURPOSE) if self.masks else NO_KEY
        return Cast(self.table, self.landings, frozenset(self.allow_loss), self.mask_of(key))

    def mask_of(self, key: Redacted) -> dict[str, Mask]:
        return dict(parse_mask(text, key) for text in self.masks)


@dataclass(frozen=True, slots=True)
class CopySubject:
    title: str
    tables: tuple[TableCopy, ...]
    views: tuple[View, ...] = ()  # in the target's dialect
    sequences: tuple[Sequence, ...] = ()  # in the target's namespaces
    rows_per_second: int = 0
    keep_replaced: bool = False
    source_default: str = ""  # the source's default namespace, which people leave out
    deletes: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    def short(self, copy: TableCopy) -> str:
        """The source table as people call it: without the default namespace."""
        return copy.table.name if copy.table.namespace in ("", self.source_default) else copy.source

    def to_json(self) -> Json:
        return encode(self)


_DECODED_MAX = 16
_decoded: dict[str, CopySubject] = {}


def subject_of(context: StepContext) -> CopySubject:
    """The subject of the run's plan. Plans never change, and decoding wide tables takes time: recent ones are kept."""
    subject = _decoded.get(context.run)
    if subject is None:
        subject = decode(CopySubject, context.subject)
        while len(_decoded) >= _DECODED_MAX:
            _decoded.pop(next(iter(_decoded)), None)
        _decoded[context.run] = subject
    return subject
