"""A draft on OCI: asked for as plain text in every format, and continued once where it is cut off."""

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from gateway import CallScope, Gateway, Ledger, load_catalog
from gateway.classification import classify
from gateway.governor import Governor
from gateway.oci.plane import OCIModels
from state.roles import Verdicts, WrittenDraft
from state.values import Role
from tests.doubles.oci import Fault, LocalOCI, Reply
from tests.doubles.oci.session import local_session, local_settings

COHERE, GENERIC, V2 = "cohere.command-a-03-2025", "meta.llama-3.3-70b-instruct", "cohere.command-a-vision"
UNSTRUCTURED = "cohere.command-a-translate-08-2025"
ASKED = [SystemMessage("Write."), HumanMessage("How many?")]
WHOLE = "Ten requests a minute are free [E1]. Sixty an hour are free [E2]."
CUT = Reply("Ten requests a minute are free [E1]. Sixty an ho", finish_reason="length")


async def asked(oci, home, model_id, schema=WrittenDraft):
    settings = local_settings(oci, home, models={"prices_micro_usd": {UNSTRUCTURED: (1, 1)}}, limits={"preset": "none"})
    governor = Governor(settings, Ledger(settings), classify)
    catalog = load_catalog(prices=settings.models.prices_micro_usd)
    plane = OCIModels(settings, local_session(oci), governor, catalog)
    gateway = Gateway(settings, ledger=governor.ledger, embeddings=None, oci=plane, governor=governor)
    scope = CallScope("local", "run", "thread", "task", 1, Role.WRITER, model_id)
    answer = await gateway.chat_model(scope).with_structured_output(schema).ainvoke(ASKED)
    await plane.aclose()
    return answer


@pytest.mark.parametrize("model_id", [COHERE, GENERIC, V2, UNSTRUCTURED])
async def test_a_draft_is_plain_text_in_every_format(tmp_path, model_id):
    seen = []
    with LocalOCI(lambda call: seen.append(call) or Reply(WHOLE)) as oci:
        draft = await asked(oci, tmp_path, model_id)
    assert (draft.markdown, draft.cut_off) == (WHOLE, False)
    (call,) = seen
    assert call.response_format is None
    assert call.messages == (("SYSTEM", "Write."), ("USER", "How many?"))


@pytest.mark.parametrize("model_id", [COHERE, GENERIC, V2])
async def test_a_draft_that_is_cut_off_is_continued_once(tmp_path, model_id):
    seen = []

    def answer(call):
        seen.append(call)
        return CUT if len(seen) == 1 else Reply("Sixty an hour are free [E2].")

    with LocalOCI(answer) as oci:
        draft = await asked(oci, tmp_path, model_id)
    assert (draft.markdown, draft.cut_off) == (WHOLE, False)
    said = [text for role, text in seen[1].messages if role in ("CHATBOT", "ASSISTANT")]
    assert said == ["Ten requests a minute are free [E1]."]
    assert "Go on exactly" in seen[1].messages[-1][1]


@pytest.mark.parametrize("model_id", [COHERE, GENERIC])
async def test_a_draft_that_is_cut_off_is_kept_where_its_continuation_is_malformed(tmp_path, model_id):
    def answer(_):
        oci.faults.add(Fault("status", status=200, body='{"chatResponse": {"te', times=9))  # to what is asked next
        return CUT

    with LocalOCI(answer) as oci:
        draft = await asked(oci, tmp_path, model_id)
    assert (draft.markdown, draft.cut_off) == ("Ten requests a minute are free [E1].", True)


async def test_a_draft_that_stays_cut_off_says_so(tmp_path):
    with LocalOCI(lambda _: CUT) as oci:
        draft = await asked(oci, tmp_path, COHERE)
    assert (draft.markdown, draft.cut_off) == ("Ten requests a minute are free [E1].", True)


@pytest.mark.parametrize(("model_id", "spelled"), [(COHERE, False), (UNSTRUCTURED, True)])
async def test_other_answers_are_asked_for_in_their_schema(tmp_path, model_id, spelled):
    seen = []
    with LocalOCI(lambda call: seen.append(call) or Reply('{"verdicts": []}')) as oci:
        assert await asked(oci, tmp_path, model_id, Verdicts) == Verdicts(verdicts=[])
    assert (seen[0].schema == "Verdicts") is not spelled
    assert ('"carried_by":{' in seen[0].messages[0][1]) is spelled
