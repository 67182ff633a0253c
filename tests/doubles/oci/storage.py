"""Object Storage: lists the objects of a bucket in pages, and returns one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.doubles.oci.delivery import Answer, error_answer, json_answer

LIST, GET = "/n/{namespace}/b/{bucket}/o", "/n/{namespace}/b/{bucket}/o/{name:path}"
PAGE = 2
"""Objects of a page; the service sends up to 1,000."""

Buckets = Mapping[tuple[str, str], Mapping[str, bytes]]
"""Names and contents of the objects, by namespace and bucket."""


def storage_answer(buckets: Buckets, target: str) -> Answer:
    """Return the answer to `ListObjects` or `GetObject`, by path and query."""
    parts = urlsplit(target)
    _, _, namespace, _, bucket, _, *name = parts.path.split("/", 7)
    objects = buckets.get((unquote(namespace), unquote(bucket)))
    if objects is None:
        return error_answer(404, "BucketNotFound", "no such bucket")
    if name:
        found = objects.get(unquote(name[0]))
        if found is None:
            return error_answer(404, "ObjectNotFound", "no such object")
        return Answer([found], media="application/octet-stream")
    return json_answer(_page(objects, {key: values[0] for key, values in parse_qs(parts.query).items()}))


def _page(objects: Mapping[str, bytes], asked: Mapping[str, str]) -> dict[str, Any]:
    names = [
        name for name in sorted(objects) if name.startswith(asked.get("prefix", "")) and name >= asked.get("start", "")
    ]
    listed = [{"name": name, "size": len(objects[name])} for name in names[:PAGE]]
    return {"objects": listed, **({"nextStartWith": names[PAGE]} if len(names) > PAGE else {})}
