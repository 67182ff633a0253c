"""`sixplane init`: the file is valid, minimal and without secrets, and nothing is half written."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import tomllib
from typing import get_args

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from experience.cli.settings_file import Answers, Models, SignIn, file_of
from settings.candidate import settings_with
from settings.tree import OCISettings, load_settings
from state.errors import BadInput

OCI = Answers(Models.OCI, compartment="ocid1.compartment.oc1..x", region="us-chicago-1", oci_profile="A")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o022)
    yield lambda *arguments, answers=None, **environment: CliRunner().invoke(
        app, ["init", *arguments], input=answers, env={"SIXPLANE_HOME": None, **environment}
    )
    os.umask(before)


def test_every_way_of_the_settings_to_sign_can_be_chosen():
    assert {each.value for each in SignIn} == set(get_args(OCISettings.model_fields["auth"].annotation))


def refused(result, status, *words):
    assert (result.exit_code, result.stdout) == (status, ""), result.output
    assert "hint: " in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


def test_the_embedded_file_is_checked_written_for_its_owner_and_read(run, tmp_path):
    result = run("--models", "embedded")
    assert result.exit_code == 0, result.output
    file = tmp_path / "sixplane.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "ok   embeddings" in result.stdout  # the results of the checks, as `doctor` prints them
    assert "ok   model endpoint: none; the built-in extractive model needs none" in result.stdout
    assert result.stderr == "written: sixplane.toml\n"
    assert "sixplane ingest PATH" in result.stdout
    assert tomllib.loads(file.read_text()) == {"profile": "embedded"}
    assert load_settings().models.provider == "extractive"
    assert {path.name for path in tmp_path.iterdir()} == {"sixplane.toml", ".sixplane"}


@pytest.mark.parametrize(
    ("answers", "written"),
    [
        (Answers(Models.EMBEDDED, home='a "b" \\ c'), {"profile": "embedded", "home": 'a "b" \\ c'}),
        (
            Answers(Models.OPENAI, base_url="https://models.example/v1/", model="openai:qwen3"),
            {
                "profile": "embedded",
                "models": {"provider": "openai", "default": "openai:qwen3"},
                "openai": {"base_url": "https://models.example/v1"},
            },
        ),
        (
            OCI,
            {
                "profile": "embedded",
                "models": {"provider": "oci"},
                "oci": {
                    "auth": "api_key",
                    "profile": "A",
                    "region": "us-chicago-1",
                    "compartment_id": "ocid1.compartment.oc1..x",
                },
            },
        ),
        (
            Answers(Models.OCI, sign_in=SignIn.RESOURCE_PRINCIPAL, dsn="db:1521/FREEPDB1", user="sixplane"),
            {
                "profile": "oracle",
                "models": {"provider": "oci"},
                "oci": {"auth": "resource_principal"},
                "oracle": {"dsn": "db:1521/FREEPDB1", "user": "sixplane"},
            },
        ),
    ],
)
def test_a_file_holds_the_answers_and_nothing_else_and_is_valid(answers, written):
    text = file_of(answers)
    assert tomllib.loads(text) == written
    assert text.startswith("# ")
    settings = settings_with(written)
    assert settings.data.backend == ("oracle" if answers.dsn else "embedded")


@pytest.mark.parametrize("name", ["SIXPLANE_OPENAI__API_KEY", "SIXPLANE_ORACLE__PASSWORD"])
def test_secrets_are_named_as_variables(name):
    texts = [
        file_of(Answers(Models.OPENAI, base_url="http://127.0.0.1/v1", model="m")),
        file_of(Answers(Models.OCI, dsn="db/x", user="u")),
    ]
    assert sum(name in text for text in texts) == 1


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (Answers(Models.OPENAI, base_url="127.0.0.1:8080", model="m"), "no address"),
        (Answers(Models.OPENAI, base_url="http://me:secret@host/v1", model="m"), "credentials"),
        (Answers(Models.OPENAI, base_url="http://host/v1?key=secret", model="m"), "credentials"),
        (Answers(Models.OPENAI, base_url="http://host/v1"), "no model"),
        (Answers(Models.OPENAI, base_url="http://host/v1", model="a\nb"), "control character"),
        (Answers(Models.EMBEDDED, home="\udcff"), "control character"),
        (Answers(Models.OCI, dsn="db/x"), "no user"),
        (Answers(Models.OCI, dsn="me/secret@db/x", user="u"), "credentials"),
    ],
)
def test_what_cannot_stand_in_the_file_is_told_without_the_secret(answers, said):
    with pytest.raises(BadInput, match=said) as caught:
        file_of(answers)
    assert caught.value.hint
    assert "secret" not in caught.value.message


def test_the_environment_goes_before_the_file_in_the_check(monkeypatch):
    monkeypatch.setenv("SIXPLANE_OPENAI__API_KEY", "k")
    monkeypatch.setenv("SIXPLANE_OPENAI__BASE_URL", "http://127.0.0.1:1/v1")
    settings = settings_with({"openai": {"base_url": "http://127.0.0.1:2/v1", "context_tokens": 4096}})
    assert (settings.openai.base_url, settings.openai.context_tokens) == ("http://127.0.0.1:1/v1", 4096)
    assert settings.openai.api_key.get_secret_value() == "k"


def test_an_existing_file_is_replaced_only_on_demand(run, tmp_path):
    file = tmp_path / "sixplane.toml"
    file.write_text("no TOML at all")
    refused(run("--models", "embedded", "--no-check"), 2, "exists", "--force")
    assert file.read_text() == "no TOML at all"
    assert run("--models", "embedded", "--no-check", "--force").exit_code == 0
    assert tomllib.loads(file.read_text()) == {"profile": "embedded"}


def test_what_is_missing_is_told_before_anything_happens(run, tmp_path):
    refused(run(), 2, "--models embedded")
    refused(run("--models", "openai"), 2, "no address")
    refused(run("--models", "embedded", "--db", "db/x", "--db-user", "u"), 2, "--models oci")
    refused(run("--models", "oci", "--no-ask", "--no-check"), 2, "no compartment is named", "--compartment OCID")
    refused(run("--models", "embedded", "--out", "none/sixplane.toml"), 2, "there is no folder")
    assert list(tmp_path.iterdir()) == []


def test_a_compartment_of_the_environment_is_one(run, tmp_path):
    named = {"SIXPLANE_OCI__COMPARTMENT_ID": "ocid1.compartment.oc1..x"}
    assert run("--models", "oci", "--no-check", **named).exit_code == 0
    assert tomllib.loads((tmp_path / "sixplane.toml").read_text())["oci"] == {"auth": "api_key"}


def test_a_folder_without_permission_leaves_nothing(run, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    where = "/proc/self" if os.geteuid() == 0 else str(closed)  # root may write anywhere but there
    result = run("--models", "embedded", "--no-check", "--out", f"{where}/sixplane.toml")
    refused(result, 5, "cannot be written", "--out")
    assert list(closed.iterdir()) == []


def test_a_server_that_does_not_answer_is_told_and_nothing_is_written(run, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        command = ("--models", "openai", "--base-url", url, "--model", "m", "--home", str(tmp_path / "home"))
        failed = run(*command)
        assert "FAIL model endpoint" in failed.stdout
        assert "does not answer" in failed.stdout
        assert (failed.exit_code, "--no-check" in failed.stderr) == (5, True)
        assert not (tmp_path / "sixplane.toml").exists()
        declined = run(*command, "--ask", answers="n\n")
        assert (declined.exit_code, "Write the file all the same?" in declined.stderr) == (5, True)
        assert not (tmp_path / "sixplane.toml").exists()
        assert run(*command, "--ask", answers="y\n").exit_code == 0
    assert tomllib.loads((tmp_path / "sixplane.toml").read_text())["openai"]["base_url"] == url


def test_questions_are_asked_for_what_the_options_leave_open(run, tmp_path):
    answers = "server\nopenai\nhttp://127.0.0.1:9/v1\n\nqwen3\n"
    result = run("--ask", "--no-check", answers=answers)
    assert result.exit_code == 0, result.output
    assert "Please select one of the available options" in result.stderr
    assert tomllib.loads((tmp_path / "sixplane.toml").read_text())["models"]["default"] == "openai:qwen3"
    assert "SIXPLANE_OPENAI__API_KEY" in result.stdout


def test_oci_with_a_database_is_asked_step_by_step(run, tmp_path):
    answers = "oci\napi_key\nocid1.compartment.oc1..x\n\n\ndb:1521/X\nsixplane\n"
    assert run("--ask", "--no-check", answers=answers).exit_code == 0
    assert tomllib.loads((tmp_path / "sixplane.toml").read_text()) == {
        "profile": "oracle",
        "models": {"provider": "oci"},
        "oci": {"auth": "api_key", "compartment_id": "ocid1.compartment.oc1..x"},
        "oracle": {"dsn": "db:1521/X", "user": "sixplane"},
    }


def test_answers_that_end_early_leave_nothing(run, tmp_path):
    refused(run("--ask", answers="openai\n"), 2, "ended early")
    assert list(tmp_path.iterdir()) == []


class Terminal:
    """`sixplane init` on a terminal of its own."""

    def __init__(self, folder, *arguments):
        self._master, slave = pty.openpty()
        # A shell starts its background jobs with SIGINT ignored, and what they start inherits that: tests run so too.
        heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{heeds}; from experience.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "init", *arguments],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "dumb"},
        )
        os.close(slave)
        self.seen = ""

    def until(self, words):
        while words not in self.seen:
            assert select.select([self._master], [], [], 300)[0], self.seen
            try:
                self.seen += os.read(self._master, 4096).decode(errors="replace")
            except OSError:  # the other end is closed
                break
        assert words in self.seen, self.seen

    def type(self, text):
        os.write(self._master, text.encode())

    def end(self):
        status = self.process.wait(300)
        os.close(self._master)
        return status


@pytest.mark.slow
def test_on_a_terminal_it_asks_and_ctrl_c_leaves_nothing(tmp_path):
    asked = Terminal(tmp_path)
    asked.until("Where are the models?")
    asked.type("openai\n")
    asked.until("Address of the server")
    asked.process.send_signal(signal.SIGINT)
    asked.until("stopped on request")
    assert asked.end() == 6
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_on_a_terminal_the_answers_become_the_file(tmp_path):
    url = "http://127.0.0.1:9/v1"
    asked = Terminal(tmp_path, "--no-check")
    for words, answer in (("models?", "openai"), ("Address", url), ("Model, as", "qwen3")):
        asked.until(words)
        asked.type(f"{answer}\n")
    asked.until("next: ")
    assert asked.end() == 0
    assert tomllib.loads((tmp_path / "sixplane.toml").read_text())["openai"]["base_url"] == url
