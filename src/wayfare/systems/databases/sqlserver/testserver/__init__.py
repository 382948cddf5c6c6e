"""A stand-in for SQL Server, for the tests: TDS 7.4 on the wire, DuckDB behind it, `sys.*` as SQL Server describes it.

`python -m wayfare.systems.databases.sqlserver.testserver PORT USER PASSWORD [ENCRYPTION [CERTIFICATE_FILE]]`. It is
strict about the protocol, the login, the errors' numbers and the catalog, because the adapter rests on those. It knows
as much T-SQL as the tests speak, translated by sqlglot, and its texts compare by their code points.
"""
