"""What OCI says of a model that it is about to retire reaches the span and the report."""

from opentelemetry.trace import INVALID_SPAN

from gateway.retirement import notice_retirement
from observability import collected_notices
from state.values import MODEL_RETIRING


def test_a_notice_is_printable_and_bounded():
    with collected_notices() as noticed:
        notice_retirement(INVALID_SPAN, "cohere.command-a-03-2025", "2027-01-01\x1b[31m\n" + "x" * 500)
    (event,) = noticed
    assert event.kind == MODEL_RETIRING
    assert event.detail.startswith("OCI is about to retire cohere.command-a-03-2025: 2027-01-01 [31m xxx")
    assert event.detail.isprintable()
    assert len(event.detail) < 300
