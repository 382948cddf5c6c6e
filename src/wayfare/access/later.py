"""What somebody has left to be started later is started in their name: whether they still may is asked then."""

from __future__ import annotations

from wayfare.access.accounts import Accounts, User
from wayfare.access.callers import CLIENT
from wayfare.access.keyring import Keyring
from wayfare.access.oauth.clients import Client, Clients
from wayfare.access.scopes import SCOPES_OF, Scope, covered, narrowed
from wayfare.core.principal import LOCAL
from wayfare.store.store import Store


def refusal(store: Store, owner: str, name: str) -> str:
    """Why `owner` (as a Principal has it) may start nothing in the store's tenant; "" where they may.

    Read anew each time: a right that was taken away a moment ago is gone.
    """
    if owner == LOCAL.user:  # who sits at this machine
        return ""
    client, user = None, owner
    if owner.startswith(CLIENT):
        client = Clients(store, Keyring(store)).get(owner.removeprefix(CLIENT))
        if client is None or client.disabled:
            return f"the client {name} was disabled."
        user = client.owner
    return refused(Accounts(store).get(user), client, name, store.one_tenant)


def refused(user: User | None, client: Client | None, name: str, tenant: str) -> str:
    """`client` acts for itself, and never does more than its owner, `user`."""
    who = f"the owner of the client {name}" if client else name
    if user is None or user.disabled:
        return f"the account of {who} is disabled."
    if tenant not in user.roles:
        return f"{who} does not belong to this tenant any more."
    role = user.roles[tenant]
    held: frozenset[str] = frozenset(map(str, SCOPES_OF[role]))
    if not covered([Scope.EXECUTE], held):
        return f"{who} is {role} by now, which lacks {Scope.EXECUTE}."
    if client and not covered([Scope.EXECUTE], narrowed(held, client.scopes)):
        return f"the client {name} lacks {Scope.EXECUTE}."
    return ""
