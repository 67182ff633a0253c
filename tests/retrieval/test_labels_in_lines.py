"""Access labels in JSON Lines: what may have been one and cannot be read as one refuses the record."""

from __future__ import annotations

import pytest

from retrieval.documents import FailedFile
from retrieval.loaders import load_paths
from settings import load_settings


@pytest.mark.parametrize(
    "fields",
    [
        '"audience": ["hr"], "audience": null',
        '"audience": ["hr"], "audi\\u0065nce": "*"',
        '"Audience": ["hr"], "Audience": null',
        '"metadata": {"audience": ["hr"]}, "metadata": {}',
        '"metadata": {"audience": ["hr"], "audience": null}',
        '"metadata": [{"audience": ["hr"]}]',
        '"metadata": "{\\"audience\\": [\\"hr\\"]}"',
        '"audience": "hr", "metadata": {"audience": "*"}',
    ],
)
def test_a_line_that_may_have_had_a_label_is_refused(tmp_path, fields):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "the salary", {fields}}}\n{{"text": "a memo", "metadata": []}}\n', encoding="utf-8")
    refused, kept = load_paths([path], load_settings())
    assert isinstance(refused, FailedFile)
    assert (kept.text, kept.audience) == ("a memo", None)
