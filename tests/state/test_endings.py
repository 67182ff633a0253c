from state.endings import ending_text
from state.values import Refusal, Status

REFUSAL = Refusal(stage="question", policy="limits", category="too_long", reason="it is too long")


def test_a_refusal_names_its_policy_and_another_status_does_not():
    text = ending_text(Status.REFUSED, "refused", REFUSAL)
    for part in ("question", "limits", "too_long", "it is too long"):
        assert part in text
    for status in (Status.ABSTAINED, Status.STOPPED):
        assert "limits" not in ending_text(status, "budget_exceeded", REFUSAL)
    assert "budget_exceeded" in ending_text(Status.STOPPED, "budget_exceeded", None)
    assert "budget_exceeded" not in ending_text(Status.ABSTAINED, "budget_exceeded", None)
    assert "guard_failed" in ending_text(Status.REFUSED, "guard_failed", None)
