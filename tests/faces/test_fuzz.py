"""Every face against its own description, with made-up requests, right and wrong ones (check 24)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from starlette.testclient import TestClient

from moving import home
from wayfare.access.rates import Limit
from wayfare.access.scopes import Role
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import Access
from wayfare.faces.http.app import create_app
from wayfare.faces.http.face import faces

CASES = (150, pytest.param(500, marks=pytest.mark.thorough))  # at the least, for each face
NAMES = sorted([*(face.name for face in faces()), "shell"])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Of an Admin, where everybody has to sign in."""
    with home(tmp_path_factory.mktemp("home")) as (found, store):
        access = replace(Access.to(store, found, enabled=True), limit=Limit(1_000_000))
        password = Redacted("correct horse battery")
        user = access.entrance.accounts.add(LOCAL, "admin", "admin@x.org", password, role=Role.ADMIN)
        headers = {"Authorization": f"Bearer {access.entrance.sign_in.of(user).token}"}
        with TestClient(create_app(store, faces(), access), headers=headers) as made:
            yield made


SAY_503 = {"/api/migrations/health"}  # where something does not work, that is its answer


@pytest.mark.slow
@pytest.mark.parametrize("cases_min", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_a_face_does_as_it_says(
    client: TestClient, name: str, cases_min: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of imports
        import schemathesis
        from schemathesis.generation import GenerationMode
        from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

    left_out = [positive_data_acceptance, ignored_auth]

    monkeypatch.chdir(tmp_path)  # where made-up names of files would be made
    schema = schemathesis.openapi.from_dict(client.get(f"/openapi/{name}.json").json())
    schema.app = client.app
    found = [one.ok() for one in schema.get_all_operations()]
    operations = [operation for operation in found if operation.path not in SAY_503]
    asking = sum(bool({"parameters", "requestBody"} & set(o.definition.raw)) for o in operations)  # others: one case
    each = math.ceil(cases_min / max(1, asking) / 2)
    cases = 0

    def tried(operation: Any, mode: GenerationMode) -> None:
        @seed(20260101)
        @settings(
            max_examples=each,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            nonlocal cases
            cases += 1
            # What a schema allows may still name no database: then it is refused, as it should be. That every route
            # wants a credential is test_access.py's; here it stands in the client.
            case.call_and_validate(headers=dict(client.headers), excluded_checks=left_out)

        ask()

    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with suppress(Unsatisfiable):  # nothing can be wrong where nothing is asked for
                tried(operation, mode)
    assert cases >= cases_min or name == "shell"
    print(f"{name}: {cases} cases, {len(operations)} operations")
