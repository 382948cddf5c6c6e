"""The routes that anybody may ask, in one place. Every other route needs a signed-in caller; the application refuses to
start with a route that is neither here nor says what it needs.
"""

from __future__ import annotations

PUBLIC = frozenset(
    {
        # the shell: liveness, and what there is
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/health"),
        ("GET", "/docs"),
        ("GET", "/docs/{face}"),
        ("GET", "/docs/assets/{name}"),
        ("GET", "/openapi/{face}.json"),
        # the web page and its files, which hold nothing of anybody's
        ("GET", "/ui"),
        ("GET", "/ui/{page}"),
        ("GET", "/ui/{page}/{item}"),
        ("GET", "/ui/assets/{name}"),
        ("POST", "/api/sign-in"),
        # OAuth2: clients prove themselves at these by themselves
        ("POST", "/auth/token"),
        ("POST", "/auth/revoke"),
        ("POST", "/auth/introspect"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/.well-known/jwks.json"),
        # where a person begins to let a client in, and signs in with an identity provider
        ("GET", "/auth/authorize"),
        ("GET", "/auth/oidc"),
        ("GET", "/auth/oidc/start"),
        ("GET", "/auth/oidc/callback"),
        ("POST", "/auth/oidc/token"),
        # 001: signing in
        ("POST", "/api/v1/authentication/login"),
        # 004: an account's beginning
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/register"),
    }
)
