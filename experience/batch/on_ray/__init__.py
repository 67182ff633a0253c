"""The Ray engine: the rows of a job run on actors of a Ray cluster, each of which has opened the service.

Nothing here imports `ray` when it is imported: the extra `ray` is optional, and importing it takes a second.
"""

from __future__ import annotations

from experience.batch.on_ray.engine import RayEngine

__all__ = ["RayEngine"]
