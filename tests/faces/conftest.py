"""One server for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from faces.server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(verify=False, base_url=server.url, timeout=60) as client:
        yield client
