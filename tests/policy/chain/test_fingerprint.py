"""The hash of a policy: it changes with everything that can change a verdict, and with nothing else."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import policy
from policy import Action, Stage, build_guards, fingerprint, refusal_of
from policy.fingerprint import LIBRARIES, data_files, policy_reference
from policy.recognisers.names import model_digests
from settings import load_settings
from settings.policy import PolicySettings

OCI = {"models": {"provider": "oci"}}


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIXPLANE_POLICY__TIMEOUT_SECONDS", raising=False)  # tests/conftest.py sets it


def hash_of(**overrides: object) -> str:
    return policy_reference(load_settings(**overrides)).hash


def test_it_is_a_sha_256_of_what_decides() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", hash_of())
    told = [
        hash_of(),
        hash_of(policy={"deny": ["a"]}),
        hash_of(policy={"injection_flag_above": 0.6}),
        hash_of(policy={"timeout_seconds": 3.0}),
        hash_of(**OCI),
        hash_of(**OCI, oci={"guardrail_version": "1.0.0"}),
        hash_of(**OCI, oci={"guardrail_pii": ["EMAIL"]}),
        hash_of(**OCI, oci={"guardrail_language": "de"}),
        hash_of(data={"embedding_model_path": "/models/other"}),
    ]
    assert len(set(told)) == len(told)


def test_no_label_and_no_setting_of_something_else_changes_it(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('version = "7"\ndescription = "for tests"\n')
    named = policy_reference(load_settings(policy_file=file))
    assert (named.version, named.hash) == ("7", hash_of())
    assert hash_of(oci={"guardrail_version": "1.0.0"}) == hash_of()  # nobody asks OCI
    assert hash_of(**OCI, oci={"guardrails": False}) == hash_of()
    assert hash_of(home=tmp_path, limits={"preset": "free"}) == hash_of()


@pytest.mark.parametrize("part", ["release", "data", "libraries", "unicode"])
def test_what_is_installed_changes_it(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hash_of()
    installed = fingerprint._installed()
    monkeypatch.setattr(fingerprint, "_installed", lambda: {**installed, part: "another"})
    assert hash_of() != before


def test_the_weights_and_every_library_that_guards_import_are_part_of_it() -> None:
    assert "classifier/weights.npz" in fingerprint._installed()["data"]
    assert all(path.suffix not in (".py", ".md") for path in data_files())
    used = {name for path in _guards() for name in _imported(path)}
    tables = {"confusable_homoglyphs", "detect_secrets", "phonenumbers", "presidio_analyzer", "tldextract"}
    # These give no table and no pattern: arithmetic, an interface, settings, traces.
    assert used - tables <= {"langchain_core", "numpy", "openvino", "opentelemetry", "pydantic", "tokenizers"}
    assert {name.replace("_", "-") for name in tables} == set(LIBRARIES)


def test_the_model_of_names_is_part_of_it_while_names_are_looked_for(tmp_path: Path) -> None:
    def with_model(weights: bytes, **entities: str) -> str:
        folder = tmp_path / weights.hex()
        folder.mkdir(exist_ok=True)
        for name in ("config.json", "tokenizer.json", "model.onnx"):
            (folder / name).write_bytes(weights)
        model = tmp_path / "model"
        model.unlink(missing_ok=True)
        model.symlink_to(folder)
        model_digests.cache_clear()
        return hash_of(policy={"personal_data": {"entities": entities, "names_model": model}})

    assert with_model(b"one", PERSON="redact") != with_model(b"two", PERSON="redact")
    assert with_model(b"one", PERSON="redact") == with_model(b"one", PERSON="redact")
    assert with_model(b"one") == with_model(b"two")


def _guards() -> list[Path]:
    folder = Path(policy.__file__).parent
    others = {"identity", "training", "train.py"}
    return [path for path in folder.rglob("*.py") if path.relative_to(folder).parts[0] not in others]


def _imported(path: Path) -> set[str]:
    ours = {"policy", "settings", "state", "observability"}
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names - ours - set(sys.stdlib_module_names)


async def test_it_stands_in_every_verdict_screening_and_refusal() -> None:
    settings = load_settings(policy={"deny": ["falcon"], "version": "3"})
    reference = policy_reference(settings)
    screening = await build_guards(settings).screen("the falcon", Stage.QUESTION)
    assert screening.policy == reference
    assert {verdict.policy_hash for verdict in (screening.verdict, *screening.verdicts)} == {reference.hash}
    assert screening.verdict.action is Action.REFUSE
    assert refusal_of(screening.verdict, Stage.QUESTION).policy_hash == reference.hash


def test_a_policy_that_is_not_in_force_has_a_hash_too() -> None:
    other = PolicySettings(deny=("falcon",), version="4")
    assert policy_reference(load_settings(), other).hash == hash_of(policy={"deny": ["falcon"]})
    assert policy_reference(load_settings(), other).version == "4"
