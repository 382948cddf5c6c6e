"""What a scope allows, in the words in which a person is asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wayfare.access.scopes import Scope

ALLOWS: Mapping[str, str] = MappingProxyType(
    {
        Scope.READ: "Look at migrations, runs and schedules",
        Scope.WRITE: "Make and change migrations, templates and webhooks",
        Scope.EXECUTE: "Start, schedule, pause and roll back runs",
        Scope.EXECUTE_PRODUCTION: "Start runs on production",
        Scope.APPROVE: "Approve migrations",
        Scope.CONNECTIONS_READ: "Look at connections and their tables",
        Scope.CONNECTIONS_WRITE: "Save and test connections",
        Scope.ADMIN: "Do everything that you may do in this tenant, and administer it",
    }
)
