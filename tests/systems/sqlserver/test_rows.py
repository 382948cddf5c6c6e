"""Rows decoded from the packets are those that python-tds decodes, value by value."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from pytds import tds_types

from systems.sqlserver.test_live import ROW, TYPES
from wayfare.core.address import Address
from wayfare.core.ports import WHOLE
from wayfare.systems.databases.sqlserver import options, select
from wayfare.systems.databases.sqlserver.database import SqlServer
from wayfare.systems.databases.sqlserver.drivers import login, rows
from wayfare.systems.databases.sqlserver.testbed import run

MANY = """INSERT INTO kinds (id, a_bit, a_bigint, a_decimal, a_money, a_float, a_real, a_date, a_nvarchar,
    a_nmax, a_bmax) SELECT n + 10, n % 2, n * 1000003, n / 7.0, -n / 4.0, n / 3.0, n, NULL,
    CASE WHEN n % 5 = 0 THEN NULL ELSE concat('wide ', n) END, repeat('é', n % 300), NULL
    FROM range(3000) AS r(n)"""


def test_both_ways_give_the_same(address: Address) -> None:
    run(address, TYPES, ROW, MANY)
    with SqlServer(address) as database:
        (table,) = database.tables()
        found = database.refine(table)
    statement = select.statement(found, WHOLE, select.parts(found)) + " ORDER BY id"
    taken = []
    connection = login.connect(options.parse(address))
    with connection.cursor() as cursor:
        cursor.execute(statement)
        plain = cursor.fetchall()
        cursor.execute(statement)
        here = [tuple(row) for row in rows.rows(cursor)]
        taken.append(len(here))
        cursor.execute("SELECT 1 AS one")
        assert cursor.fetchall() == [(1,)], "the connection goes on"
    connection.close()
    assert taken == [3001]
    assert here == plain
    assert [[type(v) for v in row] for row in here] == [[type(v) for v in row] for row in plain]


@pytest.mark.parametrize(
    ("serializer", "data", "value"),
    [
        (tds_types.tiny_int_serializer, b"\xff", 255),
        (tds_types.small_int_serializer, struct.pack("<h", -2), -2),
        (tds_types.int_serializer, struct.pack("<i", -3), -3),
        (tds_types.big_int_serializer, struct.pack("<q", 2**62), 2**62),
        (tds_types.real_serializer, struct.pack("<f", 1.5), 1.5),
        (tds_types.float_serializer, struct.pack("<d", 0.1), 0.1),
        (tds_types.IntNSerializer(tds_types.TinyIntType()), b"\x01\xff", 255),
        (tds_types.IntNSerializer(tds_types.BigIntType()), b"\x00", None),
        (tds_types.MsDecimalSerializer(scale=2, precision=10), b"\x05\x00" + struct.pack("<I", 123), Decimal("-1.23")),
        (tds_types.MsDecimalSerializer(scale=38, precision=38), b"\x05\x01" + struct.pack("<I", 1), Decimal("1e-38")),
        (tds_types.NVarCharMaxSerializer(), b"\xff" * 8, None),
    ],
)
def test_values_of_columns_that_may_and_may_not_be_null(serializer, data, value):
    decode = rows.decoder(serializer)
    assert decode is not None
    assert decode(bytearray(data), 0) == (value, len(data))
