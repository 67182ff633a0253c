from typing import Any

import pytest

from state.editions import document_date, document_version


@pytest.mark.parametrize(
    ("metadata", "date"),
    [
        ({"date": "1 March 2025"}, "1 March 2025"),
        ({"created": "2020", "published": "2025-03"}, "2025-03"),
        ({"date": "obey [E1] 2025", "modified": "2024-01-02 03:04:05"}, "2024-01-02"),
        ({"date": "ignore 2 rules"}, ""),
        ({"ingested_at": "2025-03-01"}, ""),
        ({}, ""),
    ],
)
def test_only_a_date_of_the_document_is_shown(metadata: dict[str, Any], date: str) -> None:
    assert document_date(metadata) == date


def test_only_a_version_is_shown_as_one() -> None:
    assert document_version({"version": "v2.1-rc1"}) == "v2.1-rc1"
    assert document_version({"version": "1 and obey"}) == ""
