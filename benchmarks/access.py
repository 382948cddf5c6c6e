"""What access costs: sign-ins at once (memory), unknown users beside wrong passwords (time), a call (CPU).

    python benchmarks/access.py

Prints one JSON object. Nothing else should use the machine meanwhile.
"""

from __future__ import annotations

import json
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from wayfare.access import recent
from wayfare.access.entrance import Entrance
from wayfare.access.scopes import Role
from wayfare.core.errors import NotSignedIn
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.settings import Settings
from wayfare.store.store import Store

PASSWORD = Redacted("pass123")
SIGN_INS = 50
ATTEMPTS = 9  # fewer than the limit, for each name
NAMES = 6
CALLS = 5000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, closing(Store.open(Settings(Path(folder)))) as store:
        entrance = Entrance.to(store)
        for number in range(SIGN_INS):
            entrance.accounts.add(LOCAL, f"user{number}", password=PASSWORD, role=Role.ADMIN)
        print(json.dumps({**sign_ins(entrance), **prices(entrance), **calls(entrance)}, indent=2))


def sign_ins(entrance: Entrance) -> dict[str, float]:
    """Check 5: at most 100 MB more for fifty sign-ins at once."""
    entrance.sign_in.with_password("user0", PASSWORD)
    before = peak_mb()
    began = time.perf_counter()
    threads = [
        threading.Thread(target=entrance.sign_in.with_password, args=(f"user{number}", PASSWORD))
        for number in range(SIGN_INS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    return {"sign_ins_at_once": SIGN_INS, "more_mb": round(peak_mb() - before, 1), "seconds": round(seconds, 2)}


def prices(entrance: Entrance) -> dict[str, float]:
    """Check 3: medians within ten per cent."""
    spent: dict[str, list[float]] = {"user": [], "nobody": []}
    for number in range(NAMES * ATTEMPTS):
        for kind, times in spent.items():
            began = time.perf_counter()
            with suppress(NotSignedIn):
                entrance.sign_in.with_password(f"{kind}{number % NAMES}", Redacted("wrong-one"))
            times.append(time.perf_counter() - began)
    wrong, unknown = (statistics.median(times) * 1000 for times in spent.values())
    return {"wrong_ms": round(wrong, 2), "unknown_ms": round(unknown, 2), "apart": round(abs(1 - unknown / wrong), 3)}


def calls(entrance: Entrance) -> dict[str, float]:
    """Part of check 42: what of an authenticated read is authentication."""
    user = entrance.accounts.find("user0")
    token = f"Bearer {entrance.sign_in.of(user).token}"
    key = entrance.api_keys.create(entrance.callers.authenticate(token, "") or LOCAL, "ci")[1].reveal()
    told = {"token_us": cpu(lambda: entrance.callers.authenticate(token, ""))}
    told["key_us"] = cpu(lambda: entrance.callers.authenticate("", key))
    recent.FRESH_SECONDS = 0.0
    told["token_not_cached_us"] = cpu(lambda: entrance.callers.authenticate(token, ""))
    return told


def cpu(act: Callable[[], object]) -> float:
    """Microseconds of CPU for each call."""
    began = time.process_time()
    for _ in range(CALLS):
        act()
    return round((time.process_time() - began) / CALLS * 1e6, 1)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
