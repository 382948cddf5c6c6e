"""ODBC's connection string for a SQL Server. Pure."""

from __future__ import annotations

from wayfare.systems.databases.sqlserver.options import PORT, Encrypt, Options

_ENCRYPT = {
    Encrypt.PREFERRED: "optional",
    Encrypt.YES: "mandatory",
    Encrypt.NO: "optional",
    Encrypt.LOGIN: "optional",
    Encrypt.STRICT: "strict",
}


def connection_string(options: Options) -> str:
    """Without a Driver: the drivers that need one put it in front."""
    parts = {
        "Server": _server(options),
        "Database": options.database,
        "Encrypt": _ENCRYPT[options.encrypt],
        "TrustServerCertificate": "yes" if options.trusts else "no",
    }
    if options.integrated:
        parts["Trusted_Connection"] = "yes"
    else:
        parts |= {"UID": options.user, "PWD": options.password.reveal()}
    if options.ca_file:
        parts["ServerCertificate"] = options.ca_file
    if options.read_only:
        parts["ApplicationIntent"] = "ReadOnly"
    return "".join(f"{name}={_braced(value)};" for name, value in parts.items())


def _server(options: Options) -> str:
    if options.instance and not options.port:
        return f"{options.host}\\{options.instance}"
    return f"{options.host},{options.port or PORT}"


def _braced(value: str) -> str:
    """In braces where it needs them; a closing one inside is doubled."""
    return "{" + value.replace("}", "}}") + "}" if set(value) & set(";{}[]()=?*!@ ") else value
