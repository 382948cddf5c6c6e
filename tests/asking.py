"""One request to a server of our own. Without TLS: to read the machine's authorities takes 30 ms, each time."""

from __future__ import annotations

from functools import partial

import httpx2

request = partial(httpx2.request, verify=False)
get = partial(httpx2.get, verify=False)
post = partial(httpx2.post, verify=False)
