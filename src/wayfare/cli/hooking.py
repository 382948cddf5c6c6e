"""What `wayfare webhooks` does."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table as Grid

from wayfare.access.egress import Policy, for_calls
from wayfare.cli.place import opened_store
from wayfare.cli.screen import console, print_json
from wayfare.control import delivering, webhooks
from wayfare.control.plain import clean
from wayfare.core.errors import Unreachable
from wayfare.core.principal import LOCAL
from wayfare.settings import Settings

SHOWN = ("topic", "state", "attempts", "reason")


def add(url: str, topics: Sequence[str], *, as_json: bool) -> int:
    with opened_store() as (settings, store):
        webhooks.check_sender(url, settings.smtp)
        made, key = webhooks.create(store, LOCAL, url, topics, _policy(settings))
    if as_json:
        print_json({"webhook": made.to_json(), "key": key.reveal()})
    elif made.by_mail:
        console().print(f"Webhook {made.number}. Try it with: wayfare webhooks test {made.number}")
    else:
        console().print(f"Webhook {made.number}. What it is told is signed with this key, which is not shown again:")
        console().print(key.reveal(), soft_wrap=True)
    return 0


def list_all(*, as_json: bool) -> int:
    with opened_store() as (_, store):
        found = [(one, webhooks.deliveries(store, one.id, 1)) for one in webhooks.everyone(store)]
    if as_json:
        told = [{**one.to_json(), "last": [{k: d[k] for k in SHOWN} for d in last]} for one, last in found]
        print_json({"webhooks": told})
        return 0
    grid = Grid("", "url", "topics", "last", box=box.SIMPLE_HEAD, pad_edge=False)
    for one, last in found:
        said = " ".join(str(last[0][k]) for k in ("topic", "state", "reason")) if last else "nothing yet"
        grid.add_row(str(one.number), clean(one.url), ", ".join(one.topics) or "everything", clean(said))
    console().print(grid if found else "There is none. Make one: wayfare webhooks add URL")
    return 0


def test(number: str, *, as_json: bool) -> int:
    """Raises Unreachable where it does not arrive."""
    with opened_store() as (settings, store):
        problem = delivering.test(store, number, delivering.Ways(_policy(settings), settings.smtp))
    if problem:
        raise Unreachable(problem, where="url", remedy="Look at the receiver's log.")
    if as_json:
        print_json({"arrived": True})
    else:
        console().print("It has arrived.")
    return 0


def replay(number: str, *, as_json: bool) -> int:
    with opened_store() as (_, store):
        count = webhooks.replay(store, LOCAL, number)
    if as_json:
        print_json({"waiting": count})
    else:
        console().print(f"{count} will be tried again, by a `wayfare serve` or `wayfare worker`.")
    return 0


def remove(number: str, *, as_json: bool) -> int:
    with opened_store() as (_, store):
        webhooks.remove(store, LOCAL, number)
    if as_json:
        print_json({"removed": number})
    else:
        console().print("Removed.")
    return 0


def _policy(settings: Settings) -> Policy:
    """Who uses the embedded store sits at this machine, and may have it call itself."""
    return for_calls(on_loopback=settings.embedded, allowed=settings.egress_allow)
