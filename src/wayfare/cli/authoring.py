"""`wayfare schema recipe` and `wayfare schema backfill`: what a safer way needs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from rich.text import Text

from wayfare.cli.request import address_of
from wayfare.cli.screen import console, print_json
from wayfare.core.changes import Changeable, Replicates
from wayfare.core.errors import Invalid, Unavailable
from wayfare.core.ports import Executes
from wayfare.schema.backfill import Filled, backfill
from wayfare.schema.recipes.choosing import recipes
from wayfare.schema.recipes.recipe import Backfill, Recipe
from wayfare.schema.text.reading import DIALECTS, read
from wayfare.systems.registry import open_database

NONE_KNOWN = 1


def recipe(statement: str, dialect: str, *, as_json: bool) -> int:
    dialect = dialect or DIALECTS[0]
    if dialect not in DIALECTS:
        remedy = f"Choose one of: {', '.join(DIALECTS)}."
        raise Invalid(f"there is no dialect {dialect!r}.", where="--dialect", remedy=remedy)
    found = [made for s in read(statement, dialect) if (made := recipes(s, dialect))]
    if as_json:
        print_json({"recipes": [asdict(one) for one in found]})
    else:
        for one in found:
            _show(one)
        if not found:
            console().print(Text("No safer way is known, or none is needed."))
    return 0 if found else NONE_KNOWN


def _show(found: Recipe) -> None:
    console().print(Text(found.title, "bold"), soft_wrap=True)
    for number, phase in enumerate(found.phases, 1):
        aside = "  (a change of its own)" if phase.alone else ""
        console().print(Text.assemble(f"{number}. {phase.title}", (aside, "dim")), soft_wrap=True)
        for statement in phase.statements:
            console().print(Text(f"   {statement.rstrip(';')};", "cyan"), soft_wrap=True)
        if fill_ := phase.backfill:
            what = f"--table '{fill_.table}' --set '{fill_.set_expression}' --where '{fill_.where}'"
            told = f"{what} --key {fill_.key or 'id'}"
            console().print(Text(f"   wayfare schema backfill DATABASE {told}", "cyan"), soft_wrap=True)
        if phase.note:
            console().print(Text(f"   {phase.note}", "dim"), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """As they stand on the command line."""

    database: str
    table: str
    assign: str
    key: str
    where: str
    replicas: Sequence[str]
    lag: float


def fill(options: BackfillOptions, *, as_json: bool) -> int:
    wish = Backfill(options.table, options.assign, options.where, options.key)
    with ExitStack() as stack:
        database = stack.enter_context(open_database(address_of(options.database, "target")))
        if not isinstance(database, Executes):
            raise Unavailable("this system takes no statements here.", where="DATABASE")
        watched = [_replica(stack, url) for url in options.replicas]
        line = None if as_json or not console().is_terminal else stack.enter_context(console().status("…"))

        def tell(filled: Filled) -> None:
            if line is not None:
                line.update(f"{filled.rows} rows in {filled.parts} parts, up to {filled.last}")

        done = backfill(database, wish, replicas=watched, lag_seconds_max=options.lag, told=tell)
    if as_json:
        print_json(asdict(done))
    else:
        waited = f", {done.waited_seconds:.1f} s waiting for replicas" if options.replicas else ""
        console().print(Text(f"✓ {done.rows} rows looked at, in {done.parts} parts{waited}.", "green"))
    return 0


def _replica(stack: ExitStack, url: str) -> Replicates:
    database = stack.enter_context(open_database(address_of(url, "target")))
    schema = database.schema() if isinstance(database, Changeable) else None
    if not isinstance(schema, Replicates):
        raise Unavailable("this system does not say how far it is behind.", where="--replica", remedy="Leave it out.")
    return schema
