import pytest

from policy import Action, CredentialsGuard, DenyListGuard, LimitsGuard, Stage, apply_masks, merge_masks
from state.errors import SettingsInvalid
from state.values import Mask

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"
EVASIONS = [
    "the secret project",
    "SECRET  PROJECT",
    "secret-project?",
    "s\u200be\u200bcret pro\u00adject",
    "sеcrеt prоjесt",
    "ｓｅｃｒｅｔ　ｐｒｏｊｅｃｔ",
    "sécrét\nprójéct",
    "secret\u202e_project",
]


@pytest.mark.parametrize("text", EVASIONS)
@pytest.mark.parametrize("stage", [Stage.QUESTION, Stage.ANSWER])
async def test_the_deny_list_sees_through_evasion(text, stage):
    verdict = await DenyListGuard(["Secret Project"]).check(text, stage)
    assert (verdict.action, verdict.category) == (Action.REFUSE, "denied_phrase")
    assert "secret" not in verdict.reason.lower()


@pytest.mark.parametrize("text", ["secretprojects", "secret projects", "a project kept secret", "nonsecret project"])
async def test_the_deny_list_matches_whole_phrases_only(text):
    assert (await DenyListGuard(["secret project"]).check(text, Stage.QUESTION)).action is Action.ALLOW


async def test_the_deny_list_leaves_evidence_alone_and_takes_other_scripts():
    guard = DenyListGuard(["机密", "cop", "чёрный список"])
    assert (await guard.check("机密", Stage.EVIDENCE)).action is Action.ALLOW
    assert (await guard.check("这是机密文件", Stage.QUESTION)).action is Action.REFUSE
    assert (await guard.check("Чёрный Список", Stage.QUESTION)).action is Action.REFUSE
    assert (await guard.check("cops", Stage.QUESTION)).action is Action.ALLOW
    assert (await guard.check("сор нашли здесь!!", Stage.QUESTION)).action is Action.ALLOW


@pytest.mark.parametrize("phrase", ["", "  ", "!!", "\u200b", "💣"])
def test_a_phrase_that_can_match_nothing_is_a_settings_error(phrase):
    with pytest.raises(SettingsInvalid, match="matches nothing"):
        DenyListGuard(["secret project", phrase])


async def test_a_phrase_is_no_regular_expression():
    guard = DenyListGuard(["(a+)+$", "se.ret", "x{100000}"])
    for text in ("a" * 100_000 + "!", "secret", "x" * 1000):
        assert (await guard.check(text, Stage.QUESTION)).action is Action.ALLOW
    assert (await guard.check("what is se.ret?", Stage.QUESTION)).action is Action.REFUSE


class Counted:
    def __init__(self, pattern, searched):
        self.pattern, self.searched = pattern, searched

    def search(self, text):
        self.searched.append(self.pattern.pattern)
        return self.pattern.search(text)


async def test_of_many_phrases_only_those_whose_words_are_there_are_searched():
    guard = DenyListGuard([f"project {number} falcon" for number in range(500)])
    searched = []
    for phrase in guard._phrases:
        phrase._pattern = Counted(phrase._pattern, searched)
    assert (await guard.check("the falcon project 499 is small", Stage.QUESTION)).action is Action.ALLOW
    assert len(searched) == 1


async def test_phrases_of_two_scripts_are_found_where_words_have_no_spaces():
    guard = DenyListGuard(["project 1999 falcon", "中文 heron", "heron 中文", "vitamin中"])
    assert (await guard.check("the falcon project 1999 is small", Stage.QUESTION)).action is Action.ALLOW
    assert (await guard.check("project 1999 falcon", Stage.QUESTION)).action is Action.REFUSE
    assert (await guard.check("在中文 heron", Stage.QUESTION)).action is Action.REFUSE
    assert (await guard.check("heron 中文在", Stage.QUESTION)).action is Action.REFUSE
    assert (await guard.check("the vitamin中文", Stage.QUESTION)).action is Action.REFUSE
    assert (await guard.check("在中文 herons", Stage.QUESTION)).action is Action.ALLOW


@pytest.mark.parametrize(
    ("text", "category"),
    [("", "empty"), (" \n\t", "empty"), ("\u200b\u200b", "empty"), ("a\x00b", "control_characters"),
     ("a\x1bb", "control_characters"), ("\ud800", "control_characters"), ("x" * 11, "too_long")],
)  # fmt: skip
async def test_a_question_must_be_text_of_bearable_length(text, category):
    verdict = await LimitsGuard(10).check(text, Stage.QUESTION)
    assert (verdict.action, verdict.policy, verdict.category) == (Action.REFUSE, "limits", category)
    assert (await LimitsGuard(10).check(text, Stage.EVIDENCE)).action is Action.ALLOW


@pytest.mark.parametrize("text", ["x" * 10, "a\tb\r\nc\fd"])
async def test_the_limit_itself_passes(text):
    assert (await LimitsGuard(10).check(text, Stage.QUESTION)).action is Action.ALLOW


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        KEY + "-----END OPENSSH PRIVATE KEY-----",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "Bearer " + "abcdef0123456789abcdef0123",
        "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w",
        "ghp_" + "a1" * 18,
        "sp_0123456789ab_" + "aB-_1" * 8 + "xyz",
        "xoxb-" + "123456789012-abc",
        "sk-" + "abc123" * 5,
    ],
)
async def test_secrets_are_redacted_from_questions_and_answers(secret):
    text = f"use this: {secret}"
    for stage in (Stage.QUESTION, Stage.ANSWER):
        verdict = await CredentialsGuard().check(text, stage)
        assert verdict.action is Action.REDACT
        assert apply_masks(text, verdict.spans).startswith("use this: <SECRET>")
    assert (await CredentialsGuard().check(text, Stage.EVIDENCE)).action is Action.ALLOW


def test_masks_merge_under_the_longest_kind():
    masks = [Mask(start=4, end=9, kind="B"), Mask(start=0, end=5, kind="A"), Mask(start=9, end=9, kind="C")]
    assert merge_masks(masks) == (Mask(start=0, end=9, kind="A"),)
    assert apply_masks("0123456789", masks) == "<A>9"
    assert apply_masks("text", ()) == "text"
