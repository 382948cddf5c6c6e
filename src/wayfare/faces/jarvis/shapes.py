"""The JSON of document 004's universal migration service, exactly. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from wayfare.control.migrated import Outcome
from wayfare.control.reaching import check_address
from wayfare.copy.request import CopyRequest
from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import Access
from wayfare.faces.jarvis.words import known, pair
from wayfare.systems.registry import Adapter

# The document gives an incremental migration a time and no column: the usual names, most telling first.
SYNC_COLUMNS = "updated_at,modified_at,last_modified,last_update,modified_time,changed_at,created_at,created_time"

Text = Annotated[str, StringConstraints(max_length=2000)]
Variety = Literal["full", "incremental"]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Message(Shape):
    message: str


class Connection(Shape):
    """Where a database is. Systems that live in a file need `database` (the path) alone."""

    host: Text = ""
    port: int = Field(default=0, ge=0, le=65535)
    database: Text = ""
    username: Text = ""
    password: SecretStr = SecretStr("")
    server: Text = Field(
        default="", description=r"SQL Server: instead of host, also with an instance: host\SQLEXPRESS."
    )
    driver: Text = Field(default="", description="SQL Server: the ODBC driver to use where ODBC is chosen.")
    refresh_token: SecretStr = Field(default=SecretStr(""), description="Zoho CRM.")
    client_id: Text = Field(default="", description="Zoho CRM.")
    client_secret: SecretStr = Field(default=SecretStr(""), description="Zoho CRM.")
    api_domain: Text = Field(default="", description="Zoho CRM: such as https://www.zohoapis.com.")
    accounts_url: Text = Field(default="", description="Zoho CRM: who issues tokens, where the domain does not tell.")

    def address(self, system: Adapter, where: str) -> Address:
        """Raises Invalid for fields that the system does not have."""
        if system.name == "zoho":
            return self._zoho(where)
        self._refuse(where, "refresh_token", "client_id", "client_secret", "api_domain", "accounts_url")
        options: dict[str, str] = {}
        if system.name == "sqlserver":
            options = {"odbc_driver": self.driver} if self.driver else {}
        else:
            self._refuse(where, "server", "driver")
        if self.host and self.server:
            raise Invalid("host and server are two names of one thing.", where=f"{where}.server", remedy="Give one.")
        return Address(
            system=system.name,
            host=self.host or self.server,
            port=self.port,
            database=self.database,
            user=self.username,
            password=Redacted(self.password.get_secret_value()),
            options=options,
        )

    def _zoho(self, where: str) -> Address:
        self._refuse(where, "host", "port", "database", "username", "password", "server", "driver")
        given = {
            "refresh_token": self.refresh_token.get_secret_value(),
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
            "accounts_url": self.accounts_url,
        }
        domain = urlsplit(self.api_domain if "://" in self.api_domain else f"//{self.api_domain}")
        try:
            host, port = domain.hostname or "", domain.port or 0
        except ValueError as error:
            raise Invalid("its port is not a number.", where=f"{where}.api_domain") from error
        return Address("zoho", host=host, port=port, options={k: v for k, v in given.items() if v})

    def _refuse(self, where: str, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value.get_secret_value() if isinstance(value, SecretStr) else value:
                raise Invalid(
                    "there is no such field for this system.", where=f"{where}.{name}", remedy="Leave it out."
                )


class MigrateRequest(Shape):
    source_type: Text
    dest_type: Text
    source: Connection
    destination: Connection
    operation_type: Variety = "full"
    last_sync_time: Text | None = None

    def copy_request(self, access: Access) -> CopyRequest:
        """Raises Invalid for pairs that are blocked and fields that contradict each other; AddressRefused."""
        source, target = pair(self.source_type, self.dest_type)
        policy = access.connections
        read = check_address(self.source.address(source, "source"), policy, "source.host")
        written = check_address(self.destination.address(target, "destination"), policy, "destination.host")
        incremental = self.operation_type == "incremental"
        if self.last_sync_time and not incremental:
            raise Invalid("belongs to an incremental migration.", where="last_sync_time", remedy="Leave it out.")
        return CopyRequest(
            read,
            written,
            incremental=incremental,
            cursor=SYNC_COLUMNS if incremental else "",
            since=(self.last_sync_time or "") if incremental else "",
        )


class TestConnectionRequest(Shape):
    """The document prints no body for /test-connection: either end of a migration, or both, as /migrate takes them."""

    source_type: Text | None = None
    dest_type: Text | None = None
    source: Connection | None = None
    destination: Connection | None = None

    def end(self, role: str) -> tuple[Connection, Adapter] | None:
        """None where it is not asked for. Raises Invalid for half of one."""
        kind = "dest_type" if role == "destination" else "source_type"
        system, connection = getattr(self, kind), getattr(self, role)
        if system is None and connection is None:
            return None
        if system is None or connection is None:
            raise Invalid(f"{kind} and {role} belong together.", where=role, remedy="Give both.")
        return connection, known(system, kind)


class Migrated(Shape):
    table: str
    records: int


class Failed(Shape):
    table: str
    error: str


class MigrateAnswer(Shape):
    success: bool
    tables_migrated: list[Migrated]
    tables_failed: list[Failed]
    total_tables: int
    errors: list[str]
    run_id: str = Field(description="Wayfare's name of the run: `wayfare runs show RUN_ID` has its report.")


class EndAnswer(Shape):
    success: bool
    message: str
    version: str = ""


class TestConnectionAnswer(Shape):
    success: bool
    message: str
    source: EndAnswer | None = None
    destination: EndAnswer | None = None


def migrate_answer(outcome: Outcome, run: str) -> MigrateAnswer:
    return MigrateAnswer(
        success=outcome.succeeded,
        tables_migrated=[Migrated(table=t, records=n) for t, n in outcome.migrated],
        tables_failed=[Failed(table=t, error=e) for t, e in outcome.failed],
        total_tables=outcome.total,
        errors=list(outcome.errors),
        run_id=run,
    )
