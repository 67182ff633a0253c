"""The prompts: one module a role, with its text and the function that builds its messages from the state."""

from nodes.prompts.versions import prompt_version

__all__ = ["prompt_version"]
