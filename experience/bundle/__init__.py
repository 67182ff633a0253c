"""Evidence bundles: a report with all that is needed to check it elsewhere, as one zip file.

Names are imported on first use: the command line needs `WholeTexts` before it loads anything heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experience.bundle.archive import MAX_BYTES
    from experience.bundle.building import Bundle, Contents, build
    from experience.bundle.checking import BundleFault, BundleResult, verify_bundle
    from experience.bundle.signing import private_key, public_key
    from experience.bundle.sources import gather
    from experience.bundle.texts import WholeTexts
    from experience.bundle.values import AuditScope

_MODULES = {
    "MAX_BYTES": "archive",
    "AuditScope": "values",
    "Bundle": "building",
    "BundleFault": "checking",
    "BundleResult": "checking",
    "Contents": "building",
    "WholeTexts": "texts",
    "build": "building",
    "gather": "sources",
    "private_key": "signing",
    "public_key": "signing",
    "verify_bundle": "checking",
}
__all__ = [
    "MAX_BYTES",
    "AuditScope",
    "Bundle",
    "BundleFault",
    "BundleResult",
    "Contents",
    "WholeTexts",
    "build",
    "gather",
    "private_key",
    "public_key",
    "verify_bundle",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
