"""The tables of accounts, on the store's METADATA; `store/revisions/r0003_accounts.py` makes them.

Fenced by tenant (their column `tenant` says so): memberships, api_keys, oauth_clients. Not fenced, because they belong
to people, to the installation, or are looked up by a secret before any tenant is known: all others; where these concern
one tenant, the column is `tenant_id`. Only this package reads them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text
from sqlalchemy.sql.schema import SchemaItem

from wayfare.store.schema import METADATA, tenant_column


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, METADATA, *items)


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False)


def _time(name: str, *, nullable: bool = False) -> Column[float]:
    """Seconds since the epoch."""
    return Column(name, Double, nullable=nullable)


USERS = _table(
    "users",
    _text("id", key=True),
    Column("number", Integer, nullable=False),  # 1, 2, 3 …: what faces with whole numbers show
    _text("name"),
    _text("name_key"),  # names.same: two names with one key are the same
    _text("email"),
    Column("email_key", Text),  # NULL: no address is known
    _text("password_hash"),  # "": signs in elsewhere
    Column("version", Integer, nullable=False),  # tokens of an older one are worthless
    Column("disabled", Integer, nullable=False),
    _time("created_at"),
    _time("updated_at"),
    Index("users_by_number", "number", unique=True),
    Index("users_by_name", "name_key", unique=True),
    Index("users_by_email", "email_key", unique=True),
)
IDENTITIES = _table(  # who an identity provider says a user is
    "identities",
    _text("issuer", key=True),
    _text("subject", key=True),
    _text("user_id"),
    Index("identities_by_user", "user_id"),
)
TENANTS = _table("tenants", _text("id", key=True), _text("name"), _time("created_at"))
MEMBERSHIPS = _table(
    "memberships",
    tenant_column(primary_key=True),
    _text("user_id", key=True),
    _text("role"),
    _time("created_at"),
    Index("memberships_by_user", "user_id"),
)
API_KEYS = _table(
    "api_keys",
    _text("id", key=True),
    tenant_column(),
    _text("user_id"),
    _text("name"),
    _text("beginning"),  # of the key, to recognise it by
    _text("hash"),  # HMAC with a key of the installation
    _text("scopes"),
    _time("created_at"),
    _time("expires_at", nullable=True),
    _time("revoked_at", nullable=True),
    _time("last_used_at", nullable=True),
    Index("api_keys_by_hash", "hash", unique=True),
    Index("api_keys_by_user", "user_id"),
)
LOGIN_FAILURES = _table(
    "login_failures",
    _text("who", key=True),
    _text("times"),  # JSON: when, in seconds since the epoch
    _time("at"),  # the last
    Index("login_failures_by_age", "at"),
)
SIGNING_KEYS = _table(
    "signing_keys",
    _text("kid", key=True),
    _text("algorithm"),
    _text("public"),
    _text("sealed"),
    _time("created_at"),
    _time("signs_from"),  # later than created_at, so that everybody knows it by then
    _time("ends_at", nullable=True),  # nothing it has signed is believed any longer
)
SERVER_KEYS = _table("server_keys", _text("name", key=True), _text("sealed"))
OAUTH_CLIENTS = _table(
    "oauth_clients",
    _text("id", key=True),
    tenant_column(),
    _text("user_id"),  # who registered it; client credentials never exceed this user's rights
    _text("name"),
    _text("secret_hash"),  # "": a public client
    _text("redirect_uris"),
    _text("scopes"),
    _text("grants"),
    Column("disabled", Integer, nullable=False),
    _time("created_at"),
)
OAUTH_GRANTS = _table(  # one consent, or one sign-in of a client: the family of the tokens issued under it
    "oauth_grants",
    _text("id", key=True),
    _text("client_id"),
    _text("user_id"),  # "": the client acts for itself
    Column("user_version", Integer, nullable=False),  # a new password ends what was granted before
    _text("tenant_id"),
    _text("scopes"),
    _time("created_at"),
    _time("expires_at"),
    _time("revoked_at", nullable=True),
    Index("oauth_grants_by_user", "user_id"),
    Index("oauth_grants_by_age", "expires_at"),
)
OAUTH_CODES = _table(
    "oauth_codes",
    _text("hash", key=True),
    _text("grant_id"),
    _text("redirect_uri"),
    _text("challenge"),
    _time("expires_at"),
    _time("used_at", nullable=True),
    Index("oauth_codes_by_grant", "grant_id"),
)
REFRESH_TOKENS = _table(
    "refresh_tokens",
    _text("hash", key=True),
    _text("grant_id"),
    _time("expires_at"),
    _time("used_at", nullable=True),
    Index("refresh_tokens_by_grant", "grant_id"),
)
OIDC_STATES = _table(
    "oidc_states",
    _text("hash", key=True),
    _text("browser"),
    _text("sealed"),
    _text("redirect_uri"),
    _time("expires_at"),
)
RATES = _table(
    "rates",
    _text("caller", key=True),
    Column("full_at", BigInteger, nullable=False),  # microseconds since the epoch
)
