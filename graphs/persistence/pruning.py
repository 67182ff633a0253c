"""Pruning of checkpoints, which upstream's savers do not implement: one loop for both of ours."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from langgraph.checkpoint.base import BaseCheckpointSaver


class PrunedSaver(BaseCheckpointSaver[str]):
    """Adds `aprune` to a checkpoint saver. Name it before the saver among the base classes.

    No channel of ours is a `DeltaChannel`, which would need the checkpoints before the latest one.
    """

    @abstractmethod
    async def _keep_latest(self, thread_id: str) -> None:
        """Delete the checkpoints of a thread that are older than the latest of their namespace."""

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete all checkpoints of the threads (`delete`), or all but the latest per namespace (`keep_latest`).

        A run may write meanwhile, in this process or another: its checkpoints are newer, and stay.

        Raises:
            ValueError: the strategy is unknown.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"unknown strategy {strategy!r}: it is `keep_latest` or `delete`")
        for thread_id in thread_ids:
            await (self.adelete_thread(thread_id) if strategy == "delete" else self._keep_latest(thread_id))
