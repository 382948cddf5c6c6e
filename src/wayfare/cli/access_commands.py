"""`wayfare users`, `keys`, `clients` and `tenants`: their words and options."""

from __future__ import annotations

from typing import Annotated

import typer

from wayfare.cli import options as given
from wayfare.cli.failures import answering

users_app = typer.Typer(help="Look after accounts: who they are, and what they may do.")
keys_app = typer.Typer(help="Make and revoke API keys, and change the key that signs tokens.")
clients_app = typer.Typer(help="Register programs that act for people, or for themselves, by OAuth2.")
tenants_app = typer.Typer(help="Look after tenants, and who belongs to them.")

Name = Annotated[str, typer.Argument(metavar="USER", help="A user name, e-mail address or id.", show_default=False)]
Role = Annotated[str, typer.Option("--role", metavar="ROLE", help="Viewer, Developer, DBA or Admin.")]
Tenant = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="In which tenant.")]
EveryTenant = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Only this one's; all by default.")]
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@users_app.command("add")
def users_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What they will sign in as.", show_default=False)],
    email: Annotated[str, typer.Option("--email", metavar="ADDRESS", help="Their e-mail address.")] = "",
    role: Role = "Developer",
    tenant: Tenant = "default",
    no_password: Annotated[bool, typer.Option("--no-password", help="They sign in with an identity provider.")] = False,
    password_stdin: Stdin = False,
    as_json: given.AsJson = False,
) -> None:
    """Make an account.

    The password comes from a prompt, from WAYFARE_USER_PASSWORD, or from standard input; never from the command line.
    """
    with answering(as_json):
        from wayfare.cli import access

        ask = access.Ask(stdin=password_stdin, none=no_password)
        raise typer.Exit(access.users_add(name, email, role, tenant, ask, as_json=as_json))


@users_app.command("list")
def users_list(tenant: EveryTenant = "", as_json: given.AsJson = False) -> None:
    """List accounts, with their roles."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.users_list(tenant, as_json=as_json))


@users_app.command("disable")
def users_disable(
    user: Name,
    enable: Annotated[bool, typer.Option("--enable", help="Let them in again.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """End every sign-in and key of a user, and let nobody in with that account."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.users_disable(user, enable=enable, as_json=as_json))


@users_app.command("password")
def users_password(
    user: Name,
    remove: Annotated[bool, typer.Option("--remove", help="They sign in with an identity provider.")] = False,
    password_stdin: Stdin = False,
    as_json: given.AsJson = False,
) -> None:
    """Give a user another password; all their sign-ins end, their keys stay."""
    with answering(as_json):
        from wayfare.cli import access

        ask = access.Ask(stdin=password_stdin, none=remove)
        raise typer.Exit(access.users_password(user, ask, as_json=as_json))


@users_app.command("role")
def users_role(
    user: Name,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="Viewer, Developer, DBA, Admin; or none, to leave.")],
    tenant: Tenant = "default",
    as_json: given.AsJson = False,
) -> None:
    """Say what a user is in a tenant; who is no member yet becomes one."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.users_role(user, role, tenant, as_json=as_json))


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.", show_default=False)],
    user: Annotated[str, typer.Option("--user", metavar="USER", help="Whose key it is.", show_default=False)],
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="Such as migrations:read (repeat).")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=0, help="How long it lasts; 0 is without end.")] = 0,
    tenant: Annotated[str, typer.Option("--tenant", metavar="TENANT", help="The user's first by default.")] = "",
    as_json: given.AsJson = False,
) -> None:
    """Make an API key. It is shown once; without --scope it may do all that its user may."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.keys_create(name, user, scopes or (), days, tenant, as_json=as_json))


@keys_app.command("list")
def keys_list(tenant: Tenant = "default", as_json: given.AsJson = False) -> None:
    """List API keys, newest first: whose they are, and when they were last used."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.keys_list(tenant, as_json=as_json))


@keys_app.command("revoke")
def keys_revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or how it begins.", show_default=False)],
    tenant: Tenant = "default",
    as_json: given.AsJson = False,
) -> None:
    """Make an API key worthless, within a second and everywhere."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.keys_revoke(key, tenant, as_json=as_json))


@keys_app.command("rotate")
def keys_rotate(
    at_once: Annotated[bool, typer.Option("--at-once", help="A key was stolen: sign everybody out.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Make another key to sign tokens with. It signs in ten minutes; what the old one signed holds until it ends."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.keys_rotate(at_once=at_once, as_json=as_json))


@tenants_app.command("add")
def tenants_add(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Its id, such as acme.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="What people call it.")] = "",
    as_json: given.AsJson = False,
) -> None:
    """Make a tenant."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.tenants_add(tenant, name, as_json=as_json))


@tenants_app.command("list")
def tenants_list(as_json: given.AsJson = False) -> None:
    """List tenants."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.tenants_list(as_json=as_json))


@tenants_app.command("members")
def tenants_members(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Its id.")] = "default", as_json: given.AsJson = False
) -> None:
    """List who belongs to a tenant, and as what."""
    with answering(as_json):
        from wayfare.cli import access

        raise typer.Exit(access.tenants_members(tenant, as_json=as_json))


@clients_app.command("add")
def clients_add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What people see when they are asked.", show_default=False)
    ],
    user: Annotated[str, typer.Option("--user", metavar="USER", help="Whose client it is.", show_default=False)],
    scopes: Annotated[
        list[str], typer.Option("--scope", metavar="SCOPE", help="What it may do (repeat).", show_default=False)
    ],
    redirects: Annotated[
        list[str] | None,
        typer.Option("--redirect", metavar="URL", help="Where people are sent back to (repeat); none: no people."),
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="It can keep no secret: a page, or a program.")] = False,
    tenant: Annotated[str, typer.Option("--tenant", metavar="TENANT", help="The user's first by default.")] = "",
    as_json: given.AsJson = False,
) -> None:
    """Register a program that people let act for them; without --redirect, one that acts for itself."""
    with answering(as_json):
        from wayfare.cli import clients

        raise typer.Exit(clients.add(name, user, scopes, redirects or (), tenant, public=public, as_json=as_json))


@clients_app.command("list")
def clients_list(tenant: Tenant = "default", as_json: given.AsJson = False) -> None:
    """List OAuth2 clients."""
    with answering(as_json):
        from wayfare.cli import clients

        raise typer.Exit(clients.list_clients(tenant, as_json=as_json))


@clients_app.command("disable")
def clients_disable(
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="Its id.", show_default=False)],
    tenant: Tenant = "default",
    as_json: given.AsJson = False,
) -> None:
    """Make all tokens of a client worthless."""
    with answering(as_json):
        from wayfare.cli import clients

        raise typer.Exit(clients.disable(client, tenant, as_json=as_json))
