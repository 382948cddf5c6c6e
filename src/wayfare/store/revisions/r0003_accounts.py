"""Accounts: users, tenants, memberships, keys, OAuth2 clients and what they were granted; rate limits."""

from wayfare.store.revisions import by_alembic, fenced

revision = "0003"
down_revision = "0002"
DECLARED_IN = "wayfare.access.tables"

FENCED = ("memberships", "api_keys", "oauth_clients")
FREE = (
    *("users", "identities", "tenants", "login_failures", "signing_keys", "server_keys", "oauth_grants"),
    *("oauth_codes", "refresh_tokens", "oidc_states", "rates"),
)

PEOPLE = (
    """
    CREATE TABLE users (
      id TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL,
      email TEXT NOT NULL, email_key TEXT, password_hash TEXT NOT NULL, version INTEGER NOT NULL,
      disabled INTEGER NOT NULL, created_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX users_by_number ON users (number)",
    "CREATE UNIQUE INDEX users_by_name ON users (name_key)",
    "CREATE UNIQUE INDEX users_by_email ON users (email_key)",
    """
    CREATE TABLE identities (
      issuer TEXT NOT NULL, subject TEXT NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY (issuer, subject)
    )
    """,
    "CREATE INDEX identities_by_user ON identities (user_id)",
    """
    CREATE TABLE tenants (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL)
    """,
    "INSERT INTO tenants (id, name, created_at) VALUES ('default', 'Default', 0)",
    """
    CREATE TABLE memberships (
      tenant TEXT NOT NULL, user_id TEXT NOT NULL, role TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL,
      PRIMARY KEY (tenant, user_id)
    )
    """,
    "CREATE INDEX memberships_by_user ON memberships (user_id)",
)
KEYS = (
    """
    CREATE TABLE api_keys (
      id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT NOT NULL,
      beginning TEXT NOT NULL, hash TEXT NOT NULL, scopes TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL,
      expires_at DOUBLE PRECISION, revoked_at DOUBLE PRECISION, last_used_at DOUBLE PRECISION
    )
    """,
    "CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (hash)",
    "CREATE INDEX api_keys_by_user ON api_keys (user_id)",
    "CREATE TABLE login_failures (who TEXT NOT NULL PRIMARY KEY, times TEXT NOT NULL, at DOUBLE PRECISION NOT NULL)",
    "CREATE INDEX login_failures_by_age ON login_failures (at)",
    """
    CREATE TABLE signing_keys (
      kid TEXT NOT NULL PRIMARY KEY, algorithm TEXT NOT NULL, public TEXT NOT NULL, sealed TEXT NOT NULL,
      created_at DOUBLE PRECISION NOT NULL, signs_from DOUBLE PRECISION NOT NULL, ends_at DOUBLE PRECISION
    )
    """,
    "CREATE TABLE server_keys (name TEXT NOT NULL PRIMARY KEY, sealed TEXT NOT NULL)",
)
OAUTH = (
    """
    CREATE TABLE oauth_clients (
      id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT NOT NULL,
      secret_hash TEXT NOT NULL, redirect_uris TEXT NOT NULL, scopes TEXT NOT NULL, grants TEXT NOT NULL,
      disabled INTEGER NOT NULL, created_at DOUBLE PRECISION NOT NULL
    )
    """,
    """
    CREATE TABLE oauth_grants (
      id TEXT NOT NULL PRIMARY KEY, client_id TEXT NOT NULL, user_id TEXT NOT NULL, user_version INTEGER NOT NULL,
      tenant_id TEXT NOT NULL, scopes TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL,
      expires_at DOUBLE PRECISION NOT NULL, revoked_at DOUBLE PRECISION
    )
    """,
    "CREATE INDEX oauth_grants_by_user ON oauth_grants (user_id)",
    "CREATE INDEX oauth_grants_by_age ON oauth_grants (expires_at)",
    """
    CREATE TABLE oauth_codes (
      hash TEXT NOT NULL PRIMARY KEY, grant_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL,
      expires_at DOUBLE PRECISION NOT NULL, used_at DOUBLE PRECISION
    )
    """,
    "CREATE INDEX oauth_codes_by_grant ON oauth_codes (grant_id)",
    """
    CREATE TABLE refresh_tokens (
      hash TEXT NOT NULL PRIMARY KEY, grant_id TEXT NOT NULL, expires_at DOUBLE PRECISION NOT NULL,
      used_at DOUBLE PRECISION
    )
    """,
    "CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id)",
    """
    CREATE TABLE oidc_states (
      hash TEXT NOT NULL PRIMARY KEY, browser TEXT NOT NULL, sealed TEXT NOT NULL, redirect_uri TEXT NOT NULL,
      expires_at DOUBLE PRECISION NOT NULL
    )
    """,
    "CREATE TABLE rates (caller TEXT NOT NULL PRIMARY KEY, full_at BIGINT NOT NULL)",
)
STATEMENTS = (*PEOPLE, *KEYS, *OAUTH, *fenced(*FENCED))
UNDO = tuple(f"DROP TABLE {table}" for table in (*FENCED, *FREE))


def upgrade() -> None:
    by_alembic(STATEMENTS)


def downgrade() -> None:
    by_alembic(UNDO)
