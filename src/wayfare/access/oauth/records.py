"""Grants, codes and refresh tokens in the store. Codes and refresh tokens are kept as hashes, and work once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from wayfare.access.oauth.clients import Client, Grant, grant_from
from wayfare.access.oauth.refusals import OAuthRefused
from wayfare.access.tables import OAUTH_CODES, OAUTH_GRANTS, REFRESH_TOKENS
from wayfare.core.ids import new_record_id

CODE_SECONDS = 60.0
REFRESH_SECONDS = 30 * 86400.0
GRANT_SECONDS = 180 * 86400.0  # after that, people are asked again
FORGOTTEN_AFTER_SECONDS = 86400.0
PRUNED_AT_ONCE_MAX = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a code or refresh token that was presented."""

    grant: Grant
    values: Mapping[str, Any]


class Reused(OAuthRefused):
    """It was used before, so somebody has it whose it is not: all that came of it has just ended."""

    def __init__(self, refusal: OAuthRefused, grant: Grant) -> None:
        super().__init__(refusal.error, refusal.message)
        self.grant = grant


def digest(secret: str) -> str:
    """256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_grant(
    connection: sa.Connection,
    client: Client,
    scopes: frozenset[str],
    now: float,
    expires_at: float,
    user: tuple[str, int] = ("", 0),
) -> Grant:
    """`user` is the account's id and version; without one, the client acts for itself."""
    row: dict[str, Any] = {"id": new_record_id(), "client_id": client.id, "user_id": user[0], "user_version": user[1]}
    row |= {"tenant_id": client.tenant, "scopes": " ".join(sorted(scopes)), "created_at": now}
    connection.execute(sa.insert(OAUTH_GRANTS), {**row, "expires_at": expires_at, "revoked_at": None})
    return Grant(row["id"], client.id, *user, client.tenant, scopes, expires_at, None)


def new_code(connection: sa.Connection, grant: Grant, redirect_uri: str, challenge: str, now: float) -> str:
    code = secrets.token_urlsafe(32)
    row = {"hash": digest(code), "grant_id": grant.id, "redirect_uri": redirect_uri, "challenge": challenge}
    connection.execute(sa.insert(OAUTH_CODES), {**row, "expires_at": now + CODE_SECONDS, "used_at": None})
    return code


def new_refresh(connection: sa.Connection, grant: Grant, now: float) -> str:
    token = secrets.token_urlsafe(32)
    until = min(now + REFRESH_SECONDS, grant.expires_at)
    row = {"hash": digest(token), "grant_id": grant.id, "expires_at": until, "used_at": None}
    connection.execute(sa.insert(REFRESH_TOKENS), row)
    return token


def take(connection: sa.Connection, table: sa.Table, secret: str, client: Client, now: float) -> Taken | OAuthRefused:
    """Use a code or refresh token up. A second use ends the grant: so commit, and raise what is given only then."""
    refusal = OAuthRefused("invalid_grant", "this does not hold, or no longer.")
    query = sa.select(table).where(table.c.hash == digest(secret))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return refusal
    grant = grant_from(connection.execute(sa.select(OAUTH_GRANTS).where(OAUTH_GRANTS.c.id == row["grant_id"])).one())
    if grant.client != client.id:
        return refusal
    unused = (table.c.hash == row["hash"], table.c.used_at.is_(None))
    if not connection.execute(sa.update(table).where(*unused).values(used_at=now)).rowcount:
        end(connection, grant.id, now)  # RFC 9700, sections 2.2.2 and 4.14.2
        return Reused(refusal, grant) if grant.revoked_at is None else refusal
    if grant.revoked_at is not None or now >= min(row["expires_at"], grant.expires_at):
        return refusal
    return Taken(grant, dict(row))


def end(connection: sa.Connection, grant: str, now: float) -> None:
    """Revoke the grant, and with it every token that came from it."""
    living = (OAUTH_GRANTS.c.id == grant, OAUTH_GRANTS.c.revoked_at.is_(None))
    connection.execute(sa.update(OAUTH_GRANTS).where(*living).values(revoked_at=now))


def grant_of_refresh(connection: sa.Connection, token: str) -> str:
    """The id of the grant; "" for what is no refresh token."""
    query = sa.select(REFRESH_TOKENS.c.grant_id).where(REFRESH_TOKENS.c.hash == digest(token))
    return connection.execute(query).scalar_one_or_none() or ""


def prune(connection: sa.Connection, now: float) -> int:
    """Forget grants that ended a day ago or more, with their codes and refresh tokens; gives how many."""
    ended = sa.select(OAUTH_GRANTS.c.id).where(OAUTH_GRANTS.c.expires_at < now - FORGOTTEN_AFTER_SECONDS)
    locked = ended.limit(PRUNED_AT_ONCE_MAX).with_for_update(skip_locked=True)  # two may do this at once
    old = list(connection.execute(locked).scalars())
    for table in (OAUTH_CODES, REFRESH_TOKENS):
        connection.execute(sa.delete(table).where(table.c.grant_id.in_(old)))
    return connection.execute(sa.delete(OAUTH_GRANTS).where(OAUTH_GRANTS.c.id.in_(old))).rowcount
