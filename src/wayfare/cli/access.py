"""What `wayfare users`, `wayfare keys` and `wayfare tenants` do: as whoever sits at this machine."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table as Grid

from wayfare.access.accounts import NO_PASSWORD, User
from wayfare.access.api_keys import ApiKey
from wayfare.access.callers import chosen_tenant
from wayfare.access.entrance import Entrance
from wayfare.access.scopes import SCOPES_OF, role_named
from wayfare.cli.place import opened_store
from wayfare.cli.screen import console, print_json
from wayfare.core.errors import Invalid
from wayfare.core.principal import LOCAL, Principal
from wayfare.core.redacted import Redacted

VARIABLE = "WAYFARE_USER_PASSWORD"
SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Ask:
    """Where a password comes from. Command lines are seen by everybody on the machine."""

    stdin: bool = False
    none: bool = False

    def password(self, name: str) -> Redacted:
        """Raises Invalid where nobody can be asked, or the two entries differ."""
        if self.none:
            return NO_PASSWORD
        if self.stdin:
            return Redacted(sys.stdin.readline().rstrip("\r\n"))
        if os.environ.get(VARIABLE):
            return Redacted(os.environ[VARIABLE])
        if not sys.stdin.isatty():
            remedy = f"Set {VARIABLE}, or give it on standard input with --password-stdin."
            raise Invalid("no password was given, and there is nobody to ask.", where="password", remedy=remedy)
        first = getpass.getpass(f"Password for {name}: ")
        if first != getpass.getpass("The same again: "):
            raise Invalid("the two entries differ.", where="password", remedy="Try again.")
        return Redacted(first)


@contextmanager
def _entrance() -> Iterator[Entrance]:
    with opened_store() as (_, store):
        yield Entrance.to(store)


def users_add(name: str, email: str, role: str, tenant: str, ask: Ask, *, as_json: bool) -> int:
    named = role_named(role, "--role")
    with _entrance() as entrance:
        password = ask.password(name)
        if not password and not ask.none:
            raise Invalid("the password is empty.", where="password", remedy="Give one, or --no-password.")
        user = entrance.accounts.add(LOCAL, name, email, password, role=named, tenant=tenant)
    return tell(f"{user.name} is {named} in {tenant}.", user_json(user), as_json=as_json)


def users_list(tenant: str, *, as_json: bool) -> int:
    with _entrance() as entrance:
        if tenant:
            entrance.tenants.get(tenant)
        users = entrance.accounts.all(tenant)
    if as_json:
        print_json({"users": [user_json(user) for user in users]})
        return 0
    rows = [
        (str(u.number), u.name, u.email, _roles(u), _date(u.created_at), "disabled" if u.disabled else "")
        for u in users
    ]
    return show_list(("number", "name", "e-mail", "roles", "since", ""), rows, "There are no accounts yet.")


def users_disable(reference: str, *, enable: bool, as_json: bool) -> int:
    with _entrance() as entrance:
        user = entrance.accounts.find(reference)
        entrance.accounts.set_disabled(LOCAL, user, not enable)
        user = entrance.accounts.find(user.id)
    told = f"{user.name} may sign in." if enable else f"{user.name} is disabled."
    return tell(told, user_json(user), as_json=as_json)


def users_password(reference: str, ask: Ask, *, as_json: bool) -> int:
    with _entrance() as entrance:
        user = entrance.accounts.find(reference)
        if ask.none:
            entrance.accounts.remove_password(LOCAL, user)
        else:
            entrance.accounts.set_password(LOCAL, user, ask.password(user.name))
        user = entrance.accounts.find(user.id)
    told = "signs in with an identity provider" if ask.none else "has another password"
    return tell(f"{user.name} {told}; all sign-ins have ended.", user_json(user), as_json=as_json)


def users_role(reference: str, role: str, tenant: str, *, as_json: bool) -> int:
    named = None if role.lower() == "none" else role_named(role, "ROLE")
    with _entrance() as entrance:
        user = entrance.accounts.find(reference)
        entrance.accounts.set_role(LOCAL, user, tenant, named)
        user = entrance.accounts.find(user.id)
    told = f"{user.name} is {named} in {tenant}." if named else f"{user.name} has left {tenant}."
    return tell(told, user_json(user), as_json=as_json)


def keys_create(name: str, user: str, scopes: Sequence[str], days: int, tenant: str, *, as_json: bool) -> int:
    with _entrance() as entrance:
        owner = entrance.accounts.find(user)
        chosen = chosen_tenant(owner.roles, tenant)
        held = frozenset(str(scope) for scope in SCOPES_OF[owner.roles[chosen]])
        principal = Principal(owner.id, owner.name, chosen, held)
        seconds = days * SECONDS_PER_DAY if days else None
        kept, key = entrance.api_keys.create(principal, name, scopes, seconds, by=LOCAL)
    if as_json:
        print_json({**key_json(kept), "key": key.reveal()})
        return 0
    print(key.reveal())  # alone on standard output, so that it can be piped to where it is kept
    print("This key is not shown again.", file=sys.stderr)
    return 0


def keys_list(tenant: str, *, as_json: bool) -> int:
    with _entrance() as entrance:
        entrance.tenants.get(tenant)
        keys = entrance.api_keys.all(tenant)
        owners = {user.id: user.name for user in entrance.accounts.all()}
    if as_json:
        print_json({"keys": [{**key_json(key), "owner": owners.get(key.user, "")} for key in keys]})
        return 0
    rows = [
        (
            f"{k.beginning}…",
            k.name,
            owners.get(k.user, ""),
            ", ".join(sorted(k.scopes)),
            _ending(k),
            _date(k.last_used_at),
        )
        for k in keys
    ]
    return show_list(("key", "name", "owner", "scopes", "ends", "last used"), rows, "There are no keys yet.")


def keys_revoke(reference: str, tenant: str, *, as_json: bool) -> int:
    by = Principal(LOCAL.user, LOCAL.name, tenant, LOCAL.scopes)
    with _entrance() as entrance:
        key = entrance.api_keys.revoke(by, reference.rstrip("…"))
    return tell(f"{key.beginning}… ({key.name}) is worthless now.", key_json(key), as_json=as_json)


def keys_rotate(*, at_once: bool, as_json: bool) -> int:
    with _entrance() as entrance:
        kid = entrance.keyring.rotate(LOCAL, at_once=at_once)
    told = "Everybody is signed out." if at_once else "It signs in ten minutes; nobody is signed out."
    return tell(f"There is another key to sign tokens with, {kid}. {told}", {"kid": kid}, as_json=as_json)


def tenants_add(tenant: str, name: str, *, as_json: bool) -> int:
    with _entrance() as entrance:
        made = entrance.tenants.add(LOCAL, tenant, name)
    return tell(f"There is a tenant {made.id}.", asdict(made), as_json=as_json)


def tenants_list(*, as_json: bool) -> int:
    with _entrance() as entrance:
        tenants = entrance.tenants.all()
    if as_json:
        print_json({"tenants": [asdict(tenant) for tenant in tenants]})
        return 0
    return show_list(("tenant", "name"), [(tenant.id, tenant.name) for tenant in tenants], "")


def tenants_members(tenant: str, *, as_json: bool) -> int:
    with _entrance() as entrance:
        entrance.tenants.get(tenant)
        users = entrance.accounts.all(tenant)
    if as_json:
        print_json({"members": [{"user": u.id, "name": u.name, "role": u.roles[tenant]} for u in users]})
        return 0
    rows = [(user.name, str(user.roles[tenant])) for user in users]
    return show_list(("name", "role"), rows, "Nobody belongs to it yet.")


def user_json(user: User) -> dict[str, Any]:
    """Without what is secret. Times as RFC 3339."""
    told = {"id": user.id, "number": user.number, "name": user.name, "email": user.email, "disabled": user.disabled}
    times = {"created_at": _time(user.created_at), "updated_at": _time(user.updated_at)}
    return {**told, "roles": {tenant: str(role) for tenant, role in user.roles.items()}, **times}


def key_json(key: ApiKey) -> dict[str, Any]:
    names = ("created_at", "expires_at", "revoked_at", "last_used_at")
    times = {name: _time(getattr(key, name)) for name in names}
    told = {"id": key.id, "name": key.name, "beginning": key.beginning, "user": key.user, "tenant": key.tenant}
    return {**told, "scopes": sorted(key.scopes), **times}


def tell(text: str, value: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(value)
    else:
        console().print(text, markup=False, soft_wrap=True)
    return 0


def show_list(titles: Sequence[str], rows: Sequence[Sequence[str]], otherwise: str) -> int:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        grid.add_column(title, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    console().print(grid if rows else otherwise, markup=False)
    return 0


def _roles(user: User) -> str:
    return ", ".join(f"{role} in {tenant}" for tenant, role in user.roles.items())


def _ending(key: ApiKey) -> str:
    return "revoked" if key.revoked_at is not None else _date(key.expires_at) or "never"


def _date(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at).astimezone().isoformat(" ", "minutes")[:16]


def _time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
