"""Users, and what they are in which tenant. Every change is one transaction, with its line in the audit log.

A user's version counts what makes earlier tokens worthless: a new password, a disabled account. Tokens carry it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from wayfare.access import names, passwords
from wayfare.access.scopes import Role
from wayfare.access.tables import IDENTITIES, MEMBERSHIPS, TENANTS, USERS
from wayfare.core.errors import Conflict, NotAllowed, NotFound
from wayfare.core.ids import new_record_id
from wayfare.core.plan import Json
from wayfare.core.principal import DEFAULT_TENANT, Principal
from wayfare.core.redacted import Redacted
from wayfare.store.store import Store

REGISTERED_ROLE = Role.DEVELOPER  # of whoever registers without being invited
NOBODY = Principal("", "nobody", DEFAULT_TENANT, frozenset())  # who registers, before there is an account
NO_PASSWORD = Redacted("")


@dataclass(frozen=True, slots=True)
class User:
    """Times are seconds since the epoch."""

    id: str
    number: int  # 1, 2, 3 …
    name: str
    email: str  # "" where none is known
    version: int
    disabled: bool
    created_at: float
    updated_at: float
    roles: Mapping[str, Role]  # by tenant, in the order of joining


def registration_open(setting: str, *, on_loopback: bool) -> bool:
    """`setting` is Settings.registration; without one, whoever can reach this machine's loopback may register."""
    return setting == "open" or (setting == "" and on_loopback)


class Accounts:
    """Thread-safe. `by` is who does it, for the audit log; whether they may, is asked before (`scopes.require`)."""

    def __init__(self, store: Store) -> None:
        self._all = store.everywhere
        self._store = store

    # Reading

    def get(self, id_: str) -> User | None:
        with self._all.read() as connection:
            return _user_where(connection, USERS.c.id == id_)

    def find(self, reference: str) -> User:
        """By id, user name or e-mail address. Raises NotFound."""
        key, user = names.same(reference), None
        if names.may_name(reference):
            named = sa.or_(USERS.c.id == reference, USERS.c.name_key == key, USERS.c.email_key == key)
            with self._all.read() as connection:
                user = _user_where(connection, named)
        if user is None:
            raise NotFound(
                f"there is no user {reference[:80]!r}.", where="user", remedy="List them: wayfare users list"
            )
        return user

    def all(self, tenant: str = "") -> Sequence[User]:
        """In the order of their numbers; those of one tenant, where it is given."""
        query = sa.select(USERS).order_by(USERS.c.number)
        if tenant:
            query = query.where(USERS.c.id.in_(sa.select(MEMBERSHIPS.c.user_id).where(MEMBERSHIPS.c.tenant == tenant)))
        with self._all.read() as connection:
            rows = connection.execute(query).all()
            roles = _roles(connection)
        return [_user(row, roles.get(row.id, {})) for row in rows]

    def password_hash(self, id_: str) -> str:
        """ "" where there is none."""
        with self._all.read() as connection:
            query = sa.select(USERS.c.password_hash).where(USERS.c.id == id_)
            return connection.execute(query).scalar_one_or_none() or ""

    # Beginning

    def register(
        self, name: str, email: str, password: Redacted = NO_PASSWORD, *, open_to_all: bool, proven: bool = False
    ) -> User:
        """Make an account for oneself; an installation's first is its Admin. Raises NotAllowed, Invalid, Conflict.

        `proven`: an identity provider says who it is, so that no password is needed.
        """
        made = _checked(name, email, password, optional=proven)
        with self._all.read() as connection:
            _refuse_closed(connection, open_to_all)  # before a password is hashed for nobody
        made["password_hash"] = passwords.hashed(password) if password else ""
        with self._all.write() as connection:
            _take_turn(connection)
            first = _refuse_closed(connection, open_to_all)
            role = Role.ADMIN if first else REGISTERED_ROLE
            return self._insert(connection, NOBODY, made, role, DEFAULT_TENANT, "users.register")

    def add(
        self,
        by: Principal,
        name: str,
        email: str = "",
        password: Redacted = NO_PASSWORD,
        *,
        role: Role,
        tenant: str = DEFAULT_TENANT,
    ) -> User:
        """Make an account; without a password, its owner signs in elsewhere. Raises Invalid, Conflict, NotFound."""
        made = _checked(name, email, password, optional=True)
        made["password_hash"] = passwords.hashed(password) if password else ""
        with self._all.write() as connection:
            _take_turn(connection)
            _known_tenant(connection, tenant)
            return self._insert(connection, by, made, role, tenant, "users.add")

    def _insert(
        self, connection: sa.Connection, by: Principal, made: dict[str, Any], role: Role, tenant: str, action: str
    ) -> User:
        _refuse_taken(connection, made)
        now = time.time()
        number = connection.execute(sa.select(sa.func.coalesce(sa.func.max(USERS.c.number), 0) + 1)).scalar_one()
        row = {**made, "id": new_record_id(), "number": number, "version": 1, "disabled": 0}
        connection.execute(sa.insert(USERS), {**row, "created_at": now, "updated_at": now})
        joined = {"tenant": tenant, "user_id": row["id"], "role": role.value, "created_at": now}
        connection.execute(sa.insert(MEMBERSHIPS), joined)
        self._audit(connection, by, action, row["id"], {"name": made["name"], "role": role.value, "tenant": tenant})
        user = _user_where(connection, USERS.c.id == row["id"])
        assert user is not None, "it was made in this transaction"
        return user

    # Changing

    def set_password(self, by: Principal, user: User, password: Redacted) -> None:
        """Ends every sign-in of the user. Raises Invalid."""
        passwords.check_rules(password, names=(user.name, user.email))
        values = {"password_hash": passwords.hashed(password), "version": USERS.c.version + 1}
        self._change(by, user, "users.password", values)

    def remove_password(self, by: Principal, user: User) -> None:
        """Ends every sign-in of the user, who signs in with an identity provider from now on."""
        self._change(by, user, "users.password", {"password_hash": "", "version": USERS.c.version + 1})

    def refresh_hash(self, user: User, password: Redacted) -> None:
        """The same password, with today's parameters."""
        hash_ = passwords.hashed(password)
        with self._all.write() as connection:
            same = (USERS.c.id == user.id, USERS.c.version == user.version)  # nobody has changed it meanwhile
            connection.execute(sa.update(USERS).where(*same).values(password_hash=hash_))

    def set_disabled(self, by: Principal, user: User, disabled: bool) -> None:
        """Raises Conflict for the last Admin of the installation."""
        values = {"disabled": int(disabled), "version": USERS.c.version + 1}
        self._change(by, user, "users.disable" if disabled else "users.enable", values, keeps_admin=not disabled)

    def sign_out(self, by: Principal, user: User) -> None:
        """End every sign-in of the user; keys stay."""
        self._change(by, user, "users.sign_out", {"version": USERS.c.version + 1})

    def set_role(self, by: Principal, user: User, tenant: str, role: Role | None) -> None:
        """Make somebody a member, change what they are, or (None) let them leave. Raises NotFound, Conflict."""
        of_them = (MEMBERSHIPS.c.tenant == tenant, MEMBERSHIPS.c.user_id == user.id)
        with self._all.write() as connection:
            _take_turn(connection)
            _known_tenant(connection, tenant)
            if role is None:
                connection.execute(sa.delete(MEMBERSHIPS).where(*of_them))
            elif not connection.execute(sa.update(MEMBERSHIPS).where(*of_them).values(role=role.value)).rowcount:
                joined = {"tenant": tenant, "user_id": user.id, "role": role.value, "created_at": time.time()}
                connection.execute(sa.insert(MEMBERSHIPS), joined)
            _refuse_without_admin(connection)
            told: dict[str, Json] = {"name": user.name, "role": role.value if role else ""}
            self._audit(connection, by, "members.role", user.id, told, tenant)

    def link(self, by: Principal, user: User, issuer: str, subject: str) -> None:
        """From now on, who is `subject` at `issuer` is this user. Raises Conflict."""
        of_it = (IDENTITIES.c.issuer == issuer, IDENTITIES.c.subject == subject)
        with self._all.write() as connection:
            _take_turn(connection)
            have = connection.execute(sa.select(IDENTITIES.c.user_id).where(*of_it)).scalar_one_or_none()
            if have not in (None, user.id):
                raise Conflict("somebody else signs in with this identity.", where="subject")
            if have is None:
                row = {"issuer": issuer, "subject": subject, "user_id": user.id}
                connection.execute(sa.insert(IDENTITIES), row)
                self._audit(connection, by, "users.link", user.id, {"issuer": issuer})

    def linked(self, issuer: str, subject: str) -> User | None:
        query = sa.select(IDENTITIES.c.user_id).where(IDENTITIES.c.issuer == issuer, IDENTITIES.c.subject == subject)
        with self._all.read() as connection:
            id_ = connection.execute(query).scalar_one_or_none()
        return self.get(id_) if id_ else None

    def _change(
        self, by: Principal, user: User, action: str, values: Mapping[str, Any], *, keeps_admin: bool = True
    ) -> None:
        with self._all.write() as connection:
            _take_turn(connection)
            connection.execute(sa.update(USERS).where(USERS.c.id == user.id).values(**values, updated_at=time.time()))
            if not keeps_admin:
                _refuse_without_admin(connection)
            self._audit(connection, by, action, user.id, {"name": user.name})

    def _audit(
        self,
        connection: sa.Connection,
        by: Principal,
        action: str,
        subject: str,
        told: dict[str, Json],
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        """Accounts belong to the installation, and so to its first tenant's log; memberships to their own tenant's."""
        self._store.of(tenant).audit(connection, by, action, subject, details=told)


def _checked(name: str, email: str, password: Redacted, *, optional: bool = False) -> dict[str, Any]:
    """The columns that people choose. Raises Invalid, naming the field."""
    address = "" if optional and not email.strip() else names.email_address(email)
    kept = names.user_name(name, address)
    if password or not optional:
        passwords.check_rules(password, names=(kept, address))
    keys = {"name_key": names.same(kept), "email_key": names.same(address) or None}
    return {"name": kept, "email": address, **keys}


def _take_turn(connection: sa.Connection) -> None:
    """Accounts are changed one at a time: numbers, names and the last Admin depend on all of them."""
    connection.execute(sa.select(TENANTS.c.id).where(TENANTS.c.id == DEFAULT_TENANT).with_for_update()).one()


def _refuse_closed(connection: sa.Connection, open_to_all: bool) -> bool:
    """Is this the first account? Raises NotAllowed for a later one, where people do not register."""
    first = connection.execute(sa.select(USERS.c.id).limit(1)).first() is None
    if not first and not open_to_all:
        raise NotAllowed(
            "nobody can register here; accounts are made by an Admin.",
            remedy="Ask one, or let WAYFARE_REGISTRATION be open.",
        )
    return first


def _refuse_taken(connection: sa.Connection, made: Mapping[str, Any]) -> None:
    for field, column in (("username", USERS.c.name_key), ("email", USERS.c.email_key)):
        value = made["name_key" if field == "username" else "email_key"]
        if value and connection.execute(sa.select(USERS.c.id).where(column == value)).first():
            what = "user name" if field == "username" else "e-mail address"
            raise Conflict(f"this {what} is taken.", where=field, remedy="Choose another, or sign in.")


def _refuse_without_admin(connection: sa.Connection) -> None:
    """Raises Conflict: an installation that nobody can administer is mended only from the command line."""
    admins = (
        sa.select(USERS.c.id)
        .join(MEMBERSHIPS, MEMBERSHIPS.c.user_id == USERS.c.id)
        .where(USERS.c.disabled == 0, MEMBERSHIPS.c.tenant == DEFAULT_TENANT, MEMBERSHIPS.c.role == Role.ADMIN.value)
    )
    if connection.execute(admins.limit(1)).first() is None:
        raise Conflict("this is the last Admin of the installation.", where="user", remedy="Make another one first.")


def _known_tenant(connection: sa.Connection, tenant: str) -> None:
    if (
        not names.may_name(tenant)
        or connection.execute(sa.select(TENANTS.c.id).where(TENANTS.c.id == tenant)).first() is None
    ):
        raise NotFound(f"there is no tenant {tenant[:80]!r}.", where="tenant", remedy="List them: wayfare tenants list")


def _user_where(connection: sa.Connection, where: sa.ColumnElement[bool]) -> User | None:
    row = connection.execute(sa.select(USERS).where(where).limit(1)).one_or_none()
    return _user(row, _roles(connection, row.id).get(row.id, {})) if row else None


def _roles(connection: sa.Connection, user: str = "") -> Mapping[str, Mapping[str, Role]]:
    """By user and tenant."""
    query = sa.select(MEMBERSHIPS).order_by(MEMBERSHIPS.c.created_at, MEMBERSHIPS.c.tenant)
    if user:
        query = query.where(MEMBERSHIPS.c.user_id == user)
    found: dict[str, dict[str, Role]] = {}
    for row in connection.execute(query):
        found.setdefault(row.user_id, {})[row.tenant] = Role(row.role)
    return found


def _user(row: sa.Row[*tuple[Any, ...]], roles: Mapping[str, Role]) -> User:
    fields = {name: row._mapping[name] for name in ("id", "number", "name", "email", "version")}
    times = {"created_at": row.created_at, "updated_at": row.updated_at}
    return User(**fields, disabled=bool(row.disabled), **times, roles=roles)
