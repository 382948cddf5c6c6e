"""OpenTelemetry: a span for each request, sent to the collector that OpenTelemetry's own variables name. Off without.

Metrics are Prometheus', logs our own. Queries are left out of spans: people put secrets there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wayfare.core.errors import Unavailable

COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "wayfare"
QUERY = "url.query"


def provider(environ: Mapping[str, str]) -> Any:
    """A TracerProvider, to be shut down at the end; None where no collector is named. Raises Unavailable."""
    if not any(environ.get(name) for name in COLLECTORS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise Unavailable(
            "traces are wanted, and OpenTelemetry is not installed.",
            where=COLLECTORS[0],
            remedy="Install it with: pip install 'wayfare[otel]'",
        ) from error
    made = TracerProvider(resource=Resource.create({"service.name": environ.get("OTEL_SERVICE_NAME", SERVICE)}))
    made.add_span_processor(_without_queries())
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


def config(traces: Any) -> Any:
    """FastAPI's `telemetry`, which makes the spans. Without a provider it costs nothing."""
    off = {"metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
    return {"tracer_provider": traces, "tracing": traces is not None, **off}


def _without_queries() -> Any:
    from opentelemetry.sdk.trace import Span, SpanProcessor

    class WithoutQueries(SpanProcessor):  # type: ignore[misc]  # its package ships with the extra only
        def on_start(self, span: Span, parent_context: Any = None) -> None:
            if span.attributes and QUERY in span.attributes:
                span.set_attribute(QUERY, "")

    return WithoutQueries()
