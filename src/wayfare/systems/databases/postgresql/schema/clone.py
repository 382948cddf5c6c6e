"""An empty clone of the schema: a database of its own on the same server, made from pg_dump's text, dropped afterwards.

Its name tells when it was made, so that those which dead processes left are found and dropped a day later. Nothing in
it reaches out: subscriptions are not taken along, and user mappings, by which foreign tables are reached, are removed.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg

from wayfare.core.address import Address
from wayfare.core.errors import Forbidden, Unavailable
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import literal, quote
from wayfare.systems.databases.postgresql.errors import classifying
from wayfare.systems.databases.postgresql.schema import dump
from wayfare.systems.databases.postgresql.schema.programs import beside, dumper, environment

PREFIX = "wayfare_rehearsal_"
LEFTOVER_SECONDS = 24 * 3600
FORCE = 130_000  # from this version on DROP DATABASE ends who is connected

_NOT_RESTORED = re.compile(r"^COMMENT ON EXTENSION .*;\n", re.MULTILINE)  # only an extension's owner may
_SETTING = re.compile(r"^SET (\w+) = .*;\n", re.MULTILINE)
_FIRST_OBJECT = "\n-- Name: "
_ERROR = re.compile(r"(?:ERROR|FATAL): +(.*)", re.DOTALL)
_LOCALES = {"i": "icu_locale", "b": "builtin_locale"}
_OF_THE_DATABASE = """
select pg_encoding_to_char(encoding), datcollate, datctype, to_jsonb(d) ->> 'datlocprovider',
  coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
from pg_database d where datname = current_database()
"""
_SETTINGS = """
select split_part(c, '=', 1) from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase,
  unnest(s.setconfig) c where d.datname = current_database() and s.setrole = 0
"""


@contextmanager
def cloned(connections: Connections) -> Iterator[Connections]:
    """Connections to a new clone, which is gone at the end. Raises Forbidden or Unavailable where none can be had."""
    with connections.use() as connection:
        known = {name for (name,) in connection.execute("select name from pg_settings").fetchall()}
    text = understood(dump.raw(connections), known)
    name = f"{PREFIX}{int(time.time())}_{secrets.token_hex(4)}"
    with closing(connections.own()) as connection, classifying(name):  # its settings are reset, so nobody gets it
        _sweep(connection)
        _create(connection, name)
    address = replace(connections.address, database=name)
    clone = Connections(address)
    try:
        _restore(connections, address, text)
        yield clone
    finally:
        clone.close()
        with connections.use(name) as connection:
            _drop(connection, name)


def understood(text: str, settings: Collection[str]) -> str:
    """A dump without what cannot be restored here: a pg_dump that is newer than its server begins with settings that
    are not among those of the server (17: transaction_timeout). Pure.
    """
    head, found, rest = text.partition(_FIRST_OBJECT)
    head = _SETTING.sub(lambda line: line[0] if line[1] in settings else "", head)
    return _NOT_RESTORED.sub("", head + found + rest)


def _create(connection: Connection, name: str) -> None:
    row = connection.execute(_OF_THE_DATABASE).fetchone()
    assert row
    encoding, collate, ctype, provider, locale = row
    words = [f"encoding {literal(encoding)}", f"lc_collate {literal(collate)}", f"lc_ctype {literal(ctype)}"]
    if provider in _LOCALES and locale:
        kind = "icu" if provider == "i" else "builtin"
        words += [f"locale_provider {kind}", f"{_LOCALES[provider]} {literal(locale)}"]
    try:
        connection.execute(f"create database {quote(name)} template template0 {' '.join(words)}")
    except psycopg.errors.InsufficientPrivilege as error:
        user = connection.info.user
        raise Forbidden(
            f"user {user} may not create a database to rehearse in.",
            where="rehearsal",
            remedy=f"Say: ALTER ROLE {quote(user)} CREATEDB.",
        ) from error
    for (setting,) in connection.execute(_SETTINGS).fetchall():
        connection.execute(f"reset {setting}")
        connection.execute(f"alter database {quote(name)} set {setting} from current")


def _restore(connections: Connections, address: Address, text: str) -> None:
    """By psql, because it reads all that pg_dump writes. Raises Unavailable, Forbidden or Refused."""
    program = beside(dumper(dump.server_version(connections)), "psql")
    command = [str(program), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-o", "/dev/null", "-f", "-"]
    variables = {**environment(address)}
    variables["PGOPTIONS"] += " -c synchronous_commit=off -c client_min_messages=error"
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=variables)  # noqa: S603
    if done.returncode == 0:
        _cut_off(address)
        return
    found = _ERROR.search(done.stderr)
    said = " ".join((found[1] if found else done.stderr).split())[:500]
    if "extension" in said or "shared_preload_libraries" in said:
        raise Unavailable(
            f"the clone cannot have an extension that the database has: {said}",
            where="rehearsal",
            remedy="Let a superuser run the rehearsal, or rehearse on a server where the extension can be created.",
        )
    raise dump.failed("psql", f"the schema could not be cloned: {said}", address)


def _cut_off(address: Address) -> None:
    """A statement on a foreign table must not reach the real one: without a user mapping there is no way to it."""
    with closing(Connections(address)) as connections, connections.use("rehearsal") as connection:
        rows = connection.execute("select srvname, usename from pg_user_mappings").fetchall()
        for server, user in rows:
            whom = "public" if user == "public" else quote(user)
            connection.execute(f"drop user mapping for {whom} server {quote(server)}")


def _sweep(connection: Connection) -> None:
    """Drop what dead processes left."""
    rows = connection.execute("select datname from pg_database where datname ~ %s", (f"^{PREFIX}[0-9]+_",)).fetchall()
    for (name,) in rows:
        if time.time() - int(name.removeprefix(PREFIX).partition("_")[0]) > LEFTOVER_SECONDS:
            _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    """Repeatable. Whoever is still connected is ours."""
    if connection.info.server_version >= FORCE:
        connection.execute(f"drop database if exists {quote(name)} with (force)")
        return
    connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
    connection.execute(f"drop database if exists {quote(name)}")
