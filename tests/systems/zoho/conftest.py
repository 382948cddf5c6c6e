"""One server for these tests, and an organisation for each; what the real ones need minutes for is made short."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from systems.zoho.seed import fill
from wayfare.core.address import Address
from wayfare.systems.databases.zoho.database import ZohoDatabase
from wayfare.systems.databases.zoho.testcrm import Organisation
from wayfare.systems.databases.zoho.testserver import Server, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def crm(server: Server) -> Organisation:
    return fill(server.organisation())


@pytest.fixture
def address(server: Server, crm: Organisation) -> Address:
    return server.address(crm)


@pytest.fixture
def zoho(address: Address) -> Iterator[ZohoDatabase]:
    with ZohoDatabase(address) as database:
        yield database
