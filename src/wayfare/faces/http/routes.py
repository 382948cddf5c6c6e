"""Routes that answer errors in a way of their own, where the face's envelope is not what their clients read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from wayfare.core.errors import WayfareError
from wayfare.faces.http.envelopes import first_problem

Answer = Callable[[WayfareError], Response | None]


def refusing(answer: Answer) -> type[APIRoute]:
    """For `APIRouter(route_class=…)`. What `answer` gives None for is answered as everywhere on its face."""

    class Refusing(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def handler(request: Request) -> Response:
                try:
                    return await inner(request)
                except (WayfareError, RequestValidationError) as error:
                    found = error if isinstance(error, WayfareError) else first_problem(error)
                    if (refused := answer(found)) is None:
                        raise
                    return refused

            return handler

    return Refusing
