"""The exact-or-refuse policy: what becomes of each column and of what surrounds the rows, and what has to be said.

Pure: everything a system has to answer comes in as `land`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from wayfare.copy import translate
from wayfare.copy.condense import ABSENT
from wayfare.copy.facts import CopyFacts
from wayfare.copy.naming import Place
from wayfare.copy.request import CopyRequest
from wayfare.core.codec import type_from_text
from wayfare.core.errors import Invalid
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing, Verdict
from wayfare.core.tables import LOSS_ALLOWED, Check, Column, ForeignKey, Index, Meaning, Table
from wayfare.flow.mask import Mask, parse_mask

Land = Callable[[Column], Landing]


@dataclass(frozen=True, slots=True)
class Passage:
    """From which system to which, and what the request says about columns."""

    source_system: str
    target_system: str
    source_dialect: str
    target_dialect: str
    carries: frozenset[str]
    allow_loss: frozenset[str] = frozenset()
    type_map: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, Mask] = field(default_factory=dict)

    @property
    def like(self) -> bool:
        return self.source_system == self.target_system

    @classmethod
    def of(cls, request: CopyRequest, facts: CopyFacts) -> Passage:
        """Raises Invalid for a mask that cannot be read."""
        return cls(
            facts.source_system,
            facts.target_system,
            facts.source_dialect,
            facts.target_dialect,
            facts.carries,
            frozenset(request.allow_loss),
            request.type_map,
            dict(parse_mask(text, request.mask_key) for text in request.masks),
        )

    def mask(self, table: Table, column: Column) -> Mask | None:
        return self.masks.get(self.says(self.masks, table, column))

    @staticmethod
    def says(names: Collection[str], table: Table, column: Column) -> str:
        """The name under which a column is mentioned ("shop.orders.total", "orders.total" or "total"), or ""."""
        for name in (f"{table.label}.{column.name}", f"{table.name}.{column.name}", column.name):
            if name in names:
                return name
        return ""


def readable(table: Table, passage: Passage) -> Table:
    """The source table as it is read: for a foreign target computed columns are read like any other."""
    if passage.like and "generated" in passage.carries:
        return table
    return replace(table, columns=tuple(replace(c, generated="") for c in table.columns))


def allowed_losses(table: Table, passage: Passage) -> tuple[str, ...]:
    """The columns whose values may be lost."""
    return tuple(c.name for c in table.columns if passage.says(passage.allow_loss, table, c))


def forgiving(table: Table, passage: Passage) -> Table:
    """The table as its rows are read: what cannot be expressed comes as NULL where that loss is allowed."""
    allowed = allowed_losses(table, passage)
    return replace(table, hints=(*table.hints, (LOSS_ALLOWED, ",".join(allowed)))) if allowed else table


def land_columns(table: Table, passage: Passage, land: Land) -> tuple[list[Landing], list[Finding]]:
    landings: list[Landing] = []
    findings: list[Finding] = []
    for column in table.columns:
        mask = passage.mask(table, column)
        landing = land(mask.column(column) if mask else _mapped(table, column, passage))
        allowed = bool(passage.says(passage.allow_loss, table, column))
        findings += _verdict(table, column, landing, allowed)
        landed = landing.column
        if allowed and (landing.limits.any or landing.verdict is Verdict.LOSSY):
            landed = replace(landed, nullable=landed.nullable or column.name not in table.key)
        landings.append(replace(landing, column=landed))
    return landings, findings


def _mapped(table: Table, column: Column, passage: Passage) -> Column:
    """The column as `--map` wants it: by an Arrow-like type, or by a meaning. Raises Invalid, naming the column."""
    name = passage.says(passage.type_map, table, column)
    if not name:
        return column
    text = passage.type_map[name].strip()
    plain = Column(column.name, column.type, column.nullable, comment=column.comment, identity=column.identity)
    if text.startswith("decimal("):
        text = "decimal128" + text[7:] if int(text[8:].split(",")[0].rstrip(")")) <= 38 else "decimal256" + text[7:]
    try:
        return replace(plain, type=type_from_text(text))
    except ValueError as error:
        if text in set(Meaning):
            return replace(plain, type=column.type, meaning=Meaning(text))
        raise Invalid(
            f"{passage.type_map[name]!r} is not a type that values can travel as.",
            where=f"--map {name}",
            remedy="Use one such as int64, decimal(12, 2), double, string, binary, date32[day], timestamp[us].",
        ) from error


def _verdict(table: Table, column: Column, landing: Landing, allowed: bool) -> Iterator[Finding]:
    where = f"{table.label}.{column.name}"
    became = f"{column.native or column.type} becomes {landing.column.native or landing.column.type}: {landing.reason}"
    if landing.verdict is Verdict.WIDENED:
        yield Finding("type_widened", Severity.INFO, became, where)
    elif landing.verdict is Verdict.LOSSY:
        severity = Severity.WARNING if allowed else Severity.ERROR
        advice = "" if allowed else f"Allow it with --allow-loss {where}, or choose a type with --map."
        yield Finding("type_lossy", severity, became, where, advice)
    elif landing.verdict is Verdict.IMPOSSIBLE:
        yield Finding("type_impossible", Severity.ERROR, became, where, "Choose another type with --map.")


def land_structure(
    table: Table, columns: tuple[Column, ...], places: Mapping[Place, Place], passage: Passage
) -> tuple[Table, list[Finding]]:
    """Keys, indexes, foreign keys, checks, defaults as the target can have them; a finding for each that cannot go."""
    findings: list[Finding] = []
    namespace, name = places[(table.namespace, table.name)]
    landed = replace(
        table,
        name=name,
        namespace=namespace,
        origin=passage.target_system,
        columns=tuple(_with_default(table, c, passage, findings) for c in columns),
        indexes=tuple(_indexes(table, passage, findings)),
        foreign_keys=tuple(_foreign_keys(table, places, passage, findings)),
        checks=tuple(_checks(table, passage, findings)),
        hints=table.hints if passage.like else (),
    )
    if table.key and "primary_key" not in passage.carries:
        findings.append(_left_out("primary_key", f"the primary key ({', '.join(table.key)})", table))
    return landed, findings


def _left_out(what: str, thing: str, table: Table, text: str = "", advice: str = "") -> Finding:
    """`text` tells what is in the way of this one; without it, the target has nothing of the kind."""
    message = f"{thing}: {text}" if text else f"{thing} is not carried over: {ABSENT}"
    return Finding(f"{what}_not_carried", Severity.WARNING, message, table.label, advice)


def _with_default(table: Table, column: Column, passage: Passage, findings: list[Finding]) -> Column:
    if passage.like:
        return column
    if column.name in table.key and "primary_key" in passage.carries:
        column = replace(column, nullable=False)  # some systems let a key's column hold NULL; most do not
    if column.identity and "identity" not in passage.carries:
        findings.append(_left_out("identity", f"the numbering of {column.name}", table))
        column = replace(column, identity=None)
    source = table.column(column.name)
    if source.generated:
        text = f"it computes {source.generated}; the target gets its values as a plain column."
        findings.append(_left_out("generated", f"the computed column {column.name}", table, text))
    if not source.default or source.identity:
        return replace(column, default="", generated="")
    default = translate.expression(source.default, passage.source_dialect, passage.target_dialect)
    if default is None or "default" not in passage.carries:
        text = f"its text is {source.default}"
        findings.append(_left_out("default", f"the default of {column.name}", table, text, "Set it by hand."))
        default = ""
    return replace(column, default=default, generated="")


def _indexes(table: Table, passage: Passage, findings: list[Finding]) -> Iterator[Index]:
    for index in table.indexes:
        carried = _index(index, passage)
        if carried:
            yield carried
            continue
        kind = "unique" if index.unique else "index"
        if kind not in passage.carries:
            findings.append(_left_out(kind, f"the index {index.name}", table))
            continue
        text = index.definition or index.expression or ", ".join(index.columns)
        advice = "Make it by hand, if it is needed."
        findings.append(_left_out(kind, f"the index {index.name}", table, f"its text is {text}", advice))


def _index(index: Index, passage: Passage) -> Index | None:
    if ("unique" if index.unique else "index") not in passage.carries:
        return None
    if passage.like:
        return index
    if index.expression or index.method or not index.columns:
        return None
    where = translate.expression(index.where, passage.source_dialect, passage.target_dialect) if index.where else ""
    if where is None or (where and "partial_index" not in passage.carries):
        return None  # a whole index instead of a partial one could refuse rows
    return replace(index, definition="", where=where, lengths=())


def _foreign_keys(
    table: Table, places: Mapping[Place, Place], passage: Passage, findings: list[Finding]
) -> Iterator[ForeignKey]:
    for key in table.foreign_keys:
        parent = (key.parent_namespace or table.namespace, key.parent)
        if "foreign_key" not in passage.carries:
            findings.append(_left_out("foreign_key", f"the foreign key to {key.parent}", table))
        elif parent not in places:
            text = "its parent table is not among those copied."
            findings.append(_left_out("foreign_key", f"the foreign key to {key.parent}", table, text))
        else:
            namespace, name = places[parent]
            acting = key if passage.like else _acting(table, key, passage, findings)
            yield replace(acting, parent=name, parent_namespace=namespace)


def _acting(table: Table, key: ForeignKey, passage: Passage, findings: list[Finding]) -> ForeignKey:
    """With the actions that the target can take. SET NULL on a NOT NULL column can never succeed; some refuse it."""
    verbs = {"on_delete": key.on_delete, "on_update": key.on_update}
    never_null = any(not table.column(name).nullable for name in key.columns)
    can_act = "foreign_key_action" in passage.carries
    lost = {v: how for v, how in verbs.items() if how and (not can_act or (how == "SET NULL" and never_null))}
    if lost:
        acts = " ".join(f"{verb.replace('_', ' ').upper()} {how}" for verb, how in lost.items())
        findings.append(_left_out("foreign_key_action", f"{acts} of the foreign key to {key.parent}", table))
    kept = {verb: "" if verb in lost else how for verb, how in verbs.items()}
    return replace(key, on_delete=kept["on_delete"], on_update=kept["on_update"])


def _checks(table: Table, passage: Passage, findings: list[Finding]) -> Iterator[Check]:
    for check in table.checks:
        text: str | None = check.expression
        if not passage.like:
            text = translate.expression(check.expression, passage.source_dialect, passage.target_dialect)
        if text is None or "check" not in passage.carries:
            reason = f"its text is {check.expression}"
            findings.append(_left_out("check", f"the check {check.name}", table, reason, "Add it by hand."))
        else:
            yield replace(check, expression=text)
