"""OCI Notifications: messages to the subscribers of a topic."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from observability.oci_delivery import reason, sink_client
from state.errors import DependencyUnavailable, SettingsInvalid

if TYPE_CHECKING:
    from settings import Settings
    from settings.connections.oci_session import OCISession

MAX_BYTES = 64 * 1024
"""The service's limit for one message."""

MAX_TITLE = 200
_CUT = " […]"

_HINTS = {
    400: "check SIXPLANE_OCI__TOPIC_ID",
    401: "check the key, its fingerprint and the clock of this machine",
    404: "check SIXPLANE_OCI__TOPIC_ID, and that a policy allows `use ons-topics` in its compartment",
    429: "a topic accepts 60 messages per minute: try again later",
}
_HINT = "check SIXPLANE_OCI__NOTIFICATIONS_ENDPOINT and the network, and try again later"


class TopicPublisher:
    """Publishes to one topic.

    Args:
        client: an `oci.ons.NotificationDataPlaneClient`.
        topic_id: the OCID of the topic.
    """

    def __init__(self, client: Any, topic_id: str) -> None:
        self._client, self._topic_id = client, topic_id

    async def publish(self, title: str, body: str) -> None:
        """Publish a message with a single attempt: the caller (the alert outbox) retries. A body over 64 KB is cut.

        Raises:
            DependencyUnavailable: the topic did not accept the message.
        """
        from oci.ons.models import MessageDetails

        title = " ".join(title.split())[:MAX_TITLE]
        details = MessageDetails(title=title, body=bounded(body, MAX_BYTES - len(title.encode())))
        try:
            await asyncio.to_thread(self._client.publish_message, self._topic_id, details)
        except Exception as error:  # the SDK raises many kinds; each gets its hint
            hint = _HINTS.get(getattr(error, "status", 0), _HINT)
            raise DependencyUnavailable(f"the topic did not accept the message: {reason(error)}", hint=hint) from error


def bounded(text: str, limit: int) -> str:
    """Return `text` cut to at most `limit` bytes of UTF-8, with a mark at the cut."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - len(_CUT.encode())].decode("utf-8", "ignore") + _CUT


def open_topic(settings: Settings, session: OCISession | None) -> TopicPublisher | None:
    """Return the publisher of `settings.oci.topic_id`, `None` if it is unset.

    Raises:
        SettingsInvalid: there is no session, or neither an endpoint nor a region.
    """
    if not settings.oci.topic_id:
        return None
    if session is None:
        raise SettingsInvalid("SIXPLANE_OCI__TOPIC_ID needs an OCI session", hint="unset it, or open the session first")
    from oci.ons import NotificationDataPlaneClient

    endpoint = settings.oci.notifications_endpoint
    client = sink_client(session, NotificationDataPlaneClient, name="notifications", endpoint=endpoint)
    return TopicPublisher(client, settings.oci.topic_id)
