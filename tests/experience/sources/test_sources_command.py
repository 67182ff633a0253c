"""`sixplane sources`, with the settings of a user: `sixplane.toml` in the working folder."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from experience.cli.app import app
from settings import load_settings
from state.errors import SettingsInvalid
from tests.doubles.oci import LocalOCI
from tests.doubles.oci.managed import AGENT
from tests.doubles.oci.server import COMPARTMENT
from tests.doubles.oci.session import local_settings
from tests.experience.sources.setting import FACT, HELD, QUESTION, opened, request, settings_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder whose `sixplane.toml` declares a source on a local OCI."""
    with LocalOCI(managed=HELD, embed="hash") as oci:
        keys = local_settings(oci, tmp_path / "home").oci.config_file
        lines = [
            f'home = "{tmp_path / "home"}"',
            "[oci]",
            f'config_file = "{keys}"',
            f'compartment_id = "{COMPARTMENT}"',
            f'agents_endpoint = "{oci.url}"',
            "[sources.archive]",
            'corpus = "both"',
            f'agent = "{AGENT}"',
        ]
        (tmp_path / "sixplane.toml").write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        yield oci


def run(*command):
    return CliRunner().invoke(app, ["sources", *command])


async def asked(settings):
    async with opened(settings) as service:
        return await service.run(request())


def test_a_source_is_listed_tried_and_forgotten(folder, tmp_path):
    asyncio.run(asked(settings_of(folder, tmp_path / "home")))
    (row,) = json.loads(run("list", "--json").stdout)
    assert (row["source"], row["kind"], row["corpus"], row["kept"]) == ("archive", "agent", "both", 2)
    tried = run("ask", "archive", QUESTION)
    assert FACT in tried.stdout
    assert "1 left out: prompt_injection" in tried.stdout
    assert run("forget", "archive").exit_code == 2
    assert run("forget", "archive", "--yes").stdout == "deleted: 2 passages\n"
    refused = run("ask", "archives", QUESTION)
    assert (refused.exit_code, "there is `archive`" in refused.output) == (2, True)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"agent": "ocid1.genaiagent.oc1.ord.a"}, "give that of one of its endpoints"),
        ({"agent": "my-agent"}, "it starts with `ocid1.genaiagentendpoint.`"),
        ({"agent": AGENT, "vector_store": "vs_1"}, "set one of the two"),
        ({}, "set one of the two"),
        ({"vector_store": "vs 1"}, "copy the id of the vector store"),
        ({"agent": AGENT, "audience": ["*", "a"]}, "beside others"),
        ({"agent": AGENT, "corpus": "../x"}, "is not a corpus name"),
        ({"agent": AGENT, "passages": 0}, "must be at least 1"),
    ],
)
def test_a_source_that_is_declared_wrongly_is_told_with_the_remedy(declared, said):
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(sources={"archive": {"corpus": "both", **declared}})
    assert said in caught.value.message
