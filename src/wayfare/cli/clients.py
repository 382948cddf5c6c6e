"""`wayfare clients`: programs that people let act for them, or that act for themselves, by OAuth2."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from wayfare.access.callers import chosen_tenant
from wayfare.access.entrance import Entrance
from wayfare.access.oauth.clients import CODE, CREDENTIALS, REFRESH, Client
from wayfare.access.scopes import SCOPES_OF
from wayfare.cli.access import show_list, tell
from wayfare.cli.place import opened_store
from wayfare.cli.screen import print_json
from wayfare.core.principal import LOCAL, Principal


def add(
    name: str, user: str, scopes: Sequence[str], redirects: Sequence[str], tenant: str, *, public: bool, as_json: bool
) -> int:
    """With redirect URIs, people are asked; without, the client acts for itself."""
    grants = [CODE, REFRESH] if redirects else [CREDENTIALS]
    with opened_store() as (_, store):
        entrance = Entrance.to(store)
        owner = entrance.accounts.find(user)
        chosen = chosen_tenant(owner.roles, tenant)
        held = frozenset(str(scope) for scope in SCOPES_OF[owner.roles[chosen]])
        principal = Principal(owner.id, owner.name, chosen, held)
        client, secret = entrance.clients.add(
            principal, name, scopes=scopes, grants=grants, redirect_uris=redirects, public=public, by=LOCAL
        )
    if as_json:
        print_json({**client_json(client), "secret": secret.reveal()})
        return 0
    print(client.id)
    if secret:
        print(secret.reveal())
        print("The first line is the client's id, the second its secret, which is not shown again.", file=sys.stderr)
    return 0


def list_clients(tenant: str, *, as_json: bool) -> int:
    with opened_store() as (_, store):
        entrance = Entrance.to(store)
        entrance.tenants.get(tenant)
        clients = entrance.clients.all(tenant)
    if as_json:
        print_json({"clients": [client_json(client) for client in clients]})
        return 0
    rows = [
        (c.id, c.name, ", ".join(sorted(c.scopes)), " ".join(c.redirect_uris), "disabled" if c.disabled else "")
        for c in clients
    ]
    return show_list(("client", "name", "scopes", "redirects", ""), rows, "There are no clients yet.")


def disable(id_: str, tenant: str, *, as_json: bool) -> int:
    with opened_store() as (_, store):
        clients = Entrance.to(store).clients
        clients.disable(Principal(LOCAL.user, LOCAL.name, tenant, LOCAL.scopes), id_)
        client = next(found for found in clients.all(tenant) if found.id == id_)
    return tell(f"{client.name} is disabled; its tokens are worthless.", client_json(client), as_json=as_json)


def client_json(client: Client) -> dict[str, Any]:
    told = {"id": client.id, "name": client.name, "tenant": client.tenant, "owner": client.owner}
    rights = {"scopes": sorted(client.scopes), "grants": sorted(client.grants)}
    shape = {"redirect_uris": list(client.redirect_uris), "public": client.public, "disabled": client.disabled}
    return {**told, **rights, **shape}
