"""`wayfare store`, `wayfare secrets` and `wayfare audit`: their words and options."""

from __future__ import annotations

from typing import Annotated

import typer

from wayfare.cli import options as given
from wayfare.cli.failures import answering

store_app = typer.Typer(help="Look after the store of records: its revision, and whether it is as it should be.")
secrets_app = typer.Typer(help="Look after the sealed passwords and keys, and change the key that seals them.")
audit_app = typer.Typer(help="Show who did what, and prove that nothing of it was changed.")

Tenant = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Whose entries.")]
EveryTenant = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Only this one's; all by default.")]


@store_app.command("status")
def store_status(as_json: given.AsJson = False) -> None:
    """Say which revision the store has, and what is pending."""
    with answering(as_json):
        from wayfare.cli import keeping

        raise typer.Exit(keeping.store_status(as_json=as_json))


@store_app.command("upgrade")
def store_upgrade(as_json: given.AsJson = False) -> None:
    """Apply what is pending; opening the store does so too."""
    with answering(as_json):
        from wayfare.cli import keeping

        raise typer.Exit(keeping.store_upgrade(as_json=as_json))


@store_app.command("downgrade")
def store_downgrade(
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="Such as 0002, or base for an empty store.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Go back to an earlier revision; what later ones keep is lost."""
    with answering(as_json):
        from wayfare.cli import keeping

        raise typer.Exit(keeping.store_downgrade(revision, yes=yes, as_json=as_json))


@store_app.command("check")
def store_check(as_json: given.AsJson = False) -> None:
    """Compare the store's tables with those this Wayfare means. Exits with 1 when they differ."""
    with answering(as_json):
        from wayfare.cli import keeping

        raise typer.Exit(keeping.store_check(as_json=as_json))


@secrets_app.command("status")
def secrets_status(as_json: given.AsJson = False) -> None:
    """Say how many secrets there are, and under which keys."""
    with answering(as_json):
        from wayfare.cli import keeping

        raise typer.Exit(keeping.secrets_status(as_json=as_json))


@secrets_app.command("rotate")
def secrets_rotate(
    forget_old: Annotated[bool, typer.Option("--forget-old", help="Remove keys that nothing needs any more.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Bring every secret under a new key.

    May be interrupted, and repeated. With WAYFARE_KEY: set that to the new key first, and WAYFARE_OLD_KEY to the old.
    """
    with answering(as_json):
        from wayfare.cli import keeping

        command = keeping.secrets_forget if forget_old else keeping.secrets_rotate
        raise typer.Exit(command(as_json=as_json))


@audit_app.command("list")
def audit_list(
    tenant: Tenant = "default",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, newest first.")] = 20,
    as_json: given.AsJson = False,
) -> None:
    """List what was done, newest first."""
    with answering(as_json):
        from wayfare.cli import keeping

        raise typer.Exit(keeping.audit_list(tenant, limit, as_json=as_json))


@audit_app.command("verify")
def audit_verify(tenant: EveryTenant = "", as_json: given.AsJson = False) -> None:
    """Follow each chain of entries to its sealed end. Exits with 1 where one was edited, removed, moved or cut off."""
    with answering(as_json):
        from wayfare.cli import keeping

        raise typer.Exit(keeping.audit_verify(tenant, as_json=as_json))
