"""Opens the telemetry of calls, with the sinks that the settings and the standard variables configure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observability.calls import CallSink, CallTelemetry
from settings.process import otlp_metrics_endpoint_configured
from state.errors import SettingsInvalid

if TYPE_CHECKING:
    from settings import Settings
    from settings.connections.oci_session import OCISession


def open_call_telemetry(settings: Settings, session: OCISession | None) -> CallTelemetry:
    """Return the telemetry that `settings.oci` and the standard OTLP metrics variables configure.

    Raises:
        SettingsInvalid: the metrics namespace is not valid, or a sink of OCI has no session or no region.
    """
    sinks: list[CallSink] = []
    if settings.oci.metrics_namespace:
        from observability.oci_monitoring import open_monitoring

        sinks.append(open_monitoring(settings, _required(session, "SIXPLANE_OCI__METRICS_NAMESPACE")))
    if settings.oci.log_id:
        from observability.oci_logging import open_logging

        sinks.append(open_logging(settings, _required(session, "SIXPLANE_OCI__LOG_ID")))
    if otlp_metrics_endpoint_configured():
        from observability.call_metrics import open_otlp_metrics

        sinks.append(open_otlp_metrics())
    return CallTelemetry(sinks)


def _required(session: OCISession | None, setting: str) -> OCISession:
    if session is None:
        raise SettingsInvalid(f"{setting} needs an OCI session", hint=f"unset {setting}, or open the session first")
    return session
