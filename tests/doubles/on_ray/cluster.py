"""A process with a Ray cluster of two CPUs. It prints the address, and ends with its standard input."""

from __future__ import annotations

import asyncio
import sys

from settings.connections.ray_cluster import open_ray_cluster


async def main() -> None:
    async with open_ray_cluster(2):
        import ray

        sys.stdout.write(f"{ray.get_runtime_context().gcs_address}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
