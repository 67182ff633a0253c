"""What goes wrong with a stack. They belong to the tree of `state.errors`.

BadInput
└── DeployConflict           deploy_conflict        something on OCI stands in the way of a stack
DependencyUnavailable
├── DeployFailed             deploy_failed          OCI could not make, change or delete a part
└── DeployUnfinished         deploy_unfinished      OCI still works on a stack
"""

from __future__ import annotations

from state.errors import BadInput, DependencyUnavailable


class DeployConflict(BadInput):
    """Something on OCI stands in the way of a stack, and the stack may not change it."""

    code = "deploy_conflict"


class DeployFailed(DependencyUnavailable):
    """OCI could not make, change or delete a part of a stack."""

    code = "deploy_failed"


class DeployUnfinished(DependencyUnavailable):
    """OCI still works on a stack, and the time to wait for it is over."""

    code = "deploy_unfinished"
    default_hint = "OCI goes on: run the command again to wait further; `sixplane deploy status` shows how far it is"
