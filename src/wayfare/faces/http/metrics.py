"""What Prometheus reads: requests of this server, and runs as they stand in the store.

One registry for each application. Several worker processes share their counts through files (PROMETHEUS_MULTIPROC_DIR,
set by `serve` before they start), so that whichever is asked answers for all; runs are counted in the store anyway.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from http import HTTPMethod

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from wayfare.control.tallies import Tallies

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
METHODS = frozenset({*HTTPMethod, "WEBSOCKET"})


class Metrics:
    """Thread-safe. Labels are bounded: routes as they are declared, known methods, statuses."""

    def __init__(self, tallies: Tallies) -> None:
        self._runs = _Runs(tallies)
        self._own = CollectorRegistry()
        self._requests = Counter(
            "wayfare_requests", "Requests answered.", ("route", "method", "status"), registry=self._own
        )
        self._seconds = Histogram(
            "wayfare_request_seconds", "Until a request was answered.", ("route",), buckets=SECONDS, registry=self._own
        )

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method if method in METHODS else "other", str(status)).inc()
        if method != "WEBSOCKET":  # one lasts as long as somebody watches
            self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """In Prometheus' text format. Reads the store. Raises StoreAway."""
        return self._of_requests() + generate_latest(_registry(self._runs))

    def _of_requests(self) -> bytes:
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._own)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _registry(collector: Collector) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=True)
    registry.register(collector)
    return registry


class _Runs(Collector):
    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[GaugeMetricFamily]:
        tally = self._tallies.take()
        by_status = GaugeMetricFamily("wayfare_runs", "Runs on record.", labels=("status",))
        for status, count in tally.by_status.items():
            by_status.add_metric((status,), count)
        yield by_status
        yield GaugeMetricFamily("wayfare_queue_depth", "Runs that wait to be taken.", tally.queued)
        yield GaugeMetricFamily("wayfare_rows_copied", "Rows in finished chunks of the newest runs.", tally.rows_copied)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())  # else the store would be read to learn the names
