"""The stand-in is held to the protocol by drivers that know nothing of it: they read what SQL Server would say."""

from __future__ import annotations

import datetime as dt
import importlib
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from moving import data, run_script
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.testing import debian_file


def _python_tds(address: Address) -> Any:
    import pytds

    place = (address.host, address.database, address.user, address.password.reveal())
    return pytds.connect(*place, port=address.port, login_timeout=10)


def _pymssql(address: Address) -> Any:
    pymssql = _imported("pymssql")
    place = {"server": address.host, "port": str(address.port), "user": address.user, "database": address.database}
    return pymssql.connect(**place, password=address.password.reveal(), tds_version="7.4", login_timeout=10)


def _odbc_text(address: Address) -> str:
    password = address.password.reveal().replace("}", "}}")
    return f"Server={address.host},{address.port};Database={address.database};UID={address.user};PWD={{{password}}};"


def _mssql_python(address: Address) -> Any:
    return _loaded(_imported("mssql_python"), _odbc_text(address) + "Encrypt=yes;TrustServerCertificate=yes;")


def _pyodbc_microsoft(address: Address) -> Any:
    found = list(
        Path(_imported("mssql_python_odbc").__file__).parent.glob("libs/linux/debian_ubuntu/*/lib/libmsodbcsql*")
    )
    if not found:
        pytest.skip("Microsoft's ODBC driver is not here")
    return _loaded(_pyodbc(), f"Driver={found[0]};{_odbc_text(address)}Encrypt=no;")


def _pyodbc_freetds(address: Address) -> Any:
    driver = _debian("odbc/libtdsodbc.so", "tdsodbc")
    text = f"Driver={driver};Server={address.host};Port={address.port};TDS_Version=7.4;Database={address.database};"
    password = address.password.reveal().replace("}", "}}")
    return _pyodbc().connect(f"{text}UID={address.user};PWD={{{password}}};ClientCharset=UTF-8;")


def _debian(library: str, package: str) -> str:
    try:
        return debian_file(f"lib/*/{library}", package)
    except Unavailable as error:
        pytest.skip(str(error))


def _pyodbc() -> Any:
    _debian("libodbc.so.2", "libodbc2")
    return _imported("pyodbc")


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"{name} cannot be loaded: {error}")


def _loaded(module: Any, text: str) -> Any:
    try:
        return module.connect(text)
    except Exception as error:
        if "load the driver" in str(error) or "Can't open lib" in str(error):
            pytest.skip(f"{module.__name__}: {error}")
        raise


DRIVERS: dict[str, tuple[Callable[[Address], Any], str]] = {
    "python-tds": (_python_tds, "%s"),
    "pymssql": (_pymssql, "%s"),
    "mssql-python": (_mssql_python, "?"),
    "pyodbc-microsoft": (_pyodbc_microsoft, "?"),
    "pyodbc-freetds": (_pyodbc_freetds, "?"),
}


@pytest.fixture(scope="module")
def chinook(server: Address) -> Address:
    from wayfare.systems.databases.sqlserver import testbed

    found = testbed.fresh(server)()
    run_script(found, data("chinook/Chinook_SqlServer.sql").decode("utf-8-sig"))
    return found


@pytest.fixture(params=sorted(DRIVERS))
def driver(request: pytest.FixtureRequest) -> tuple[Callable[[Address], Any], str]:
    return DRIVERS[request.param]


@pytest.fixture
def connection(driver: tuple[Callable[[Address], Any], str], chinook: Address) -> Iterator[Any]:
    found = driver[0](chinook)
    yield found
    found.close()


def asked(connection: Any, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    if values:
        cursor.execute(sql, values)
    else:
        cursor.execute(sql)
    return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def test_tables_and_parameters(connection: Any, driver: Any) -> None:
    mark = driver[1]
    assert asked(connection, "SELECT COUNT(*) FROM Track") == [(3503,)]
    found = asked(
        connection, f"SELECT Name, UnitPrice FROM dbo.Track WHERE TrackId > {mark} AND Name LIKE {mark}", 3490, "S%"
    )
    assert (
        'String Quartet No. 12 in C Minor, D. 703 "Quartettsatz": II. Andante - Allegro assai',
        Decimal("0.99"),
    ) in found
    (born,) = asked(connection, f"SELECT BirthDate FROM Employee WHERE EmployeeId = {mark}", 1)
    assert born[0] == dt.datetime(1962, 2, 18)


def test_types(connection: Any, driver: Any) -> None:
    values = (
        "CAST(255 AS tinyint), CAST(-5 AS bigint), CAST(1 AS bit), CAST('-12.3400' AS money), CAST(2.5 AS real),"
        " CAST('2024-02-29' AS date), CAST('2024-02-29 01:02:03.123456' AS datetime2(6)), N'漢字🙂',"
        " CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier), CAST(0x00FF AS varbinary(10)),"
        " CAST(NULL AS int)"
    )
    ((tiny, big, bit, money, real, day, moment, text, identifier, raw, nothing),) = asked(
        connection, f"SELECT {values}"
    )
    assert (tiny, big, bool(bit), Decimal(money), real) == (255, -5, True, Decimal("-12.34"), 2.5)
    assert str(day) == "2024-02-29"
    assert str(moment).startswith("2024-02-29 01:02:03.123456")
    assert text == "漢字🙂"
    assert uuid.UUID(str(identifier)) == uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")
    assert bytes(raw) == b"\x00\xff"
    assert nothing is None


def test_transactions(connection: Any, driver: Any, chinook: Address) -> None:
    mark = driver[1]
    asked(connection, f"INSERT INTO Genre (GenreId, Name) VALUES ({mark}, {mark})", 900, "new")
    assert asked(connection, "SELECT COUNT(*) FROM Genre WHERE GenreId = 900") == [(1,)]
    other = driver[0](chinook)
    assert asked(other, "SELECT COUNT(*) FROM Genre WHERE GenreId = 900") == [(0,)]
    other.close()
    connection.rollback()
    assert asked(connection, "SELECT COUNT(*) FROM Genre WHERE GenreId = 900") == [(0,)]


def test_errors(connection: Any) -> None:
    with pytest.raises(Exception, match="Invalid object name 'nowhere'"):
        asked(connection, "SELECT * FROM nowhere")
    connection.rollback()
    assert asked(connection, "SELECT 1 AS one") == [(1,)], "the connection goes on"


def test_an_answer_may_be_left_in_the_middle(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT a.Name, b.Name FROM Track a CROSS JOIN Playlist b CROSS JOIN Genre c")
    assert cursor.fetchone() is not None
    cursor.close()
    assert asked(connection, "SELECT 7 AS seven") == [(7,)]


def test_a_wrong_password(driver: Any, chinook: Address) -> None:
    from dataclasses import replace

    from wayfare.core.redacted import Redacted

    with pytest.raises(Exception, match=r"(?i)login failed|18456"):
        driver[0](replace(chinook, password=Redacted("wrong")))
