"""Settings of the stacks that `sixplane deploy` makes on OCI, a table for each: `[deploy.baseline]`."""

from settings.deploying.parts import StackName
from settings.deploying.stack import StackSettings

__all__ = ["StackName", "StackSettings"]
