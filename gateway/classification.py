"""The one place that decides what an exception means: it asks the failure table of the provider that raised it."""

from __future__ import annotations

from gateway.oci.failures import classify_oci, from_oci
from gateway.openai.failures import classify_openai
from gateway.provider_error import ProviderError, ProviderFailure


def classify(error: BaseException) -> ProviderFailure | None:
    """Return what `error` means; `None` if no provider caused it, which makes it a bug that must surface unchanged."""
    if isinstance(error, ProviderError):
        return error.failure
    # OCI first: its transport errors are recognised by their modules, those of other providers by general types
    # (`TimeoutError`, `ConnectionError`) that aiohttp's errors share.
    if from_oci(error):
        return classify_oci(error)
    return classify_openai(error)
