"""A recording pool with the tables of saver and store, and a function that stores checkpoints in them."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint

from graphs.persistence.checkpointed import checkpointed_types
from tests.doubles.oracle import RecordingPool
from tests.doubles.oracle.persistence import (
    OsonCheckpoints,
    StoreRows,
)

TYPES = checkpointed_types()
LATEST: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


def filled() -> RecordingPool:
    found = RecordingPool()
    OsonCheckpoints(found)
    StoreRows(found)
    return found


async def put(saver: BaseCheckpointSaver[str], values: dict[str, Any], step: int = 0, **more: Any) -> Any:
    """Store a checkpoint in which every channel has the version `step`."""
    versions: Any = more.pop("versions", None) or dict.fromkeys(values, f"{step:08d}.5")
    config = {**LATEST, **more.pop("config", {})}
    checkpoint: Any = {
        **empty_checkpoint(),
        "id": f"{step:04d}",
        "channel_values": values,
        "channel_versions": versions,
    }
    return await saver.aput(config, checkpoint, {"step": step, **more}, versions)  # type: ignore[typeddict-item]
