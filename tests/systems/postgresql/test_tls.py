"""Over TLS the socket cannot be borrowed: psycopg's COPY serves, with the same rows."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable, Unreachable
from wayfare.core.ports import WHOLE, Ticket
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.testbed import UNPRIVILEGED, binaries, server

RUN = "0123456789abcdef"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A server that takes only TLS connections."""
    try:
        binaries(tls=True)
    except Unavailable as reason:
        pytest.skip(str(reason))
    with server(tls=True) as plain, PostgreSQL(plain) as db:
        data = Path(str(db.execute("show data_directory").column(0)[0]))
        write_certificate(data / "server.crt", data / "server.key")
        (data / "pg_hba.conf").write_text("hostssl all all all trust\n")
        db.execute("alter system set ssl = on")
        db.execute("select pg_reload_conf()")
        ca = tmp_path_factory.mktemp("tls") / "ca.crt"
        shutil.copy(data / "server.crt", ca)
        yield replace(plain, options={"sslmode": "verify-ca", "sslrootcert": str(ca)})


def write_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.write_bytes(private.private_bytes(*form))
    key.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(key, UNPRIVILEGED)


def test_rows_pass_in_every_way(secured: Address, way: str) -> None:
    with PostgreSQL(secured) as db:
        db.execute("drop table if exists t, u, x; create table t (i int primary key, t text)")
        db.execute("insert into t select i, repeat(i::text, 50) from generate_series(1, 30000) i")
        db.execute("create table u (like t); create table x (like t)")
        t, u, x = db.tables()
        db.stage(RUN, [])
        assert db.write(Ticket(RUN, u.label, 0), u, db.read(t, WHOLE)) == 30_000
        form = db.sends(t)[0]
        assert db.receive(Ticket(RUN, x.label, 0), x, form, db.send(t, WHOLE, form)) == 30_000
        db.finish(RUN)
        assert (
            db.execute("select count(*) from t join u using (i, t) join x using (i, t)").column(0)[0].as_py() == 30_000
        )
        batches = db.read(t, WHOLE)
        next(batches)
        batches.close()
        assert sum(b.num_rows for b in db.read(t, WHOLE)) == 30_000


def test_a_killed_backend(secured: Address) -> None:
    with PostgreSQL(secured) as db:
        db.execute("drop table if exists t; create table t as select repeat('x', 1000) from generate_series(1, 90000)")
        batches = db.read(db.tables()[0], WHOLE)
        next(batches)
        db.execute("select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy%'")
        with pytest.raises(Unreachable):
            list(batches)
