"""The hash of a policy: of its settings, and of everything else that decides what the guards say.

Two installations with the same hash give the same verdicts. Another hash means that a verdict may differ, not that one
does: a new release changes it, since the guards' code belongs to it.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policy.pii_actions import looked_for
from policy.verdict import Stage
from settings.personal_data import NAMES
from state.errors import DependencyUnavailable
from state.report import PolicyRef

if TYPE_CHECKING:
    from settings import Settings
    from settings.policy import PolicySettings

LIBRARIES = ("confusable-homoglyphs", "detect-secrets", "phonenumbers", "presidio-analyzer", "tldextract")
"""The distributions whose patterns and tables the guards use."""

_LABELS = {"version", "description"}
"""Keys of a policy that no verdict depends on."""

_CODE = (".py", ".pyc", ".md", ".typed")
_FOLDER = Path(__file__).parent


def policy_reference(settings: Settings, policy: PolicySettings | None = None) -> PolicyRef:
    """Return version and hash of the policy in force, or of `policy` in its place.

    Raises:
        DependencyUnavailable: a data file of the guards cannot be read.
    """
    chosen = policy or settings.policy
    parts = {
        "policy": chosen.model_dump(mode="json", exclude=_LABELS),
        "oci": _oci(settings),
        # The second opinion of the injection guard comes from the shipped model alone.
        "second_opinion": settings.data.embedding_model_path is None,
        "names": _names(chosen),
        **_installed(),
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return PolicyRef(version=chosen.version, hash=hashlib.sha256(text.encode()).hexdigest())


def _oci(settings: Settings) -> dict[str, Any] | None:
    """Return the settings of OCI Guardrails, if they are asked."""
    if settings.models.provider != "oci" or not settings.oci.guardrails:
        return None
    return settings.oci.model_dump(mode="json", include={"guardrail_version", "guardrail_language", "guardrail_pii"})


def _names(policy: PolicySettings) -> dict[str, str] | None:
    """Return the digests of the model that finds names, if they are looked for."""
    if not any(NAMES & set(looked_for(stage, policy.personal_data)) for stage in Stage):
        return None
    from policy.recognisers.names import model_digests

    return model_digests(policy.personal_data.names_model)


@cache
def _installed() -> dict[str, Any]:
    """Return what the guards' verdicts depend on besides settings: code, data files, libraries and Unicode's tables."""
    return {
        "release": version("sixplane"),
        "data": {path.relative_to(_FOLDER).as_posix(): _digest(path) for path in data_files()},
        "libraries": {name: version(name) for name in LIBRARIES},
        "unicode": unicodedata.unidata_version,
    }


def data_files() -> list[Path]:
    """Return the data files of the guards, such as the weights of the classifier."""
    return sorted(path for path in _FOLDER.rglob("*") if path.is_file() and path.suffix not in _CODE)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DependencyUnavailable(
            f"the guards' file `{path.name}` cannot be read", hint="reinstall `sixplane`, or change its permissions"
        ) from error
