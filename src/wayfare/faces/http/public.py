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
        # 004: an account's beginning
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/register"),
    }
)
