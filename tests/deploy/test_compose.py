"""The compose file for a laptop: what it mounts exists, what its parts say to each other fits, nothing is open."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from settings.process import otlp_endpoint_configured, otlp_metrics_endpoint_configured
from tests.deploy.settings_of import ROOT, accepted

FOLDER = ROOT / "deploy"


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


COMPOSE = read("compose.yaml")
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_each_image_has_a_version() -> None:
    images = [each["image"] for each in SERVICES.values() if "image" in each]
    assert len(images) == 5
    assert [each for each in images if not re.search(r":v?\d+\.\d+\.\d+$|^sixplane:local$", each)] == []


def test_only_this_machine_can_connect() -> None:
    ports = [port for each in SERVICES.values() for port in each.get("ports", ())]
    assert len(ports) == 2
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_it_holds_no_password() -> None:
    values = [f"{key}: {value}" for each in SERVICES.values() for key, value in each.get("environment", {}).items()]
    told = [value for value in values if re.search("(?i)password|secret|token", value)]
    assert len(told) == 3
    assert [value for value in told if not value.endswith("${ORACLE_PASSWORD:-}")] == []


def test_the_application_runs_as_it_does_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    application = SERVICES["sixplane"]
    assert (application["read_only"], application["cap_drop"], application["tmpfs"]) == (True, ["ALL"], ["/tmp"])
    assert (FOLDER / application["build"]["context"] / application["build"]["dockerfile"]).is_file()
    given = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value)) for name, value in application["environment"].items()}
    settings = accepted(given, monkeypatch, tmp_path)
    assert (settings.profile, settings.models.provider) == ("embedded", "extractive")
    assert int(application["stop_grace_period"].removesuffix("s")) > settings.server.drain_seconds
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", given["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"])
    assert (otlp_metrics_endpoint_configured(), otlp_endpoint_configured()) == (True, False)  # metrics, and no spans


def test_what_is_mounted_exists() -> None:
    mounted = [volume.split(":")[0] for each in SERVICES.values() for volume in each.get("volumes", ())]
    assert [name for name in mounted if not name.startswith("./") and name not in COMPOSE["volumes"]] == []
    assert [name for name in mounted if name.startswith("./") and not (FOLDER / name).exists()] == []
    extended = SERVICES["oracle"]["extends"]
    assert extended["service"] in read(extended["file"])["services"]


def test_metrics_go_from_the_application_to_the_dashboard() -> None:
    sent = SERVICES["sixplane"]["environment"]["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]
    collector, prometheus = read("compose/collector.yaml"), read("compose/prometheus.yaml")
    received = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    assert sent == f"http://collector:{received}/v1/metrics"
    shown = collector["exporters"]["prometheus"]["endpoint"].rpartition(":")[2]
    assert prometheus["scrape_configs"][0]["static_configs"][0]["targets"] == [f"collector:{shown}"]
    assert set(collector["service"]["pipelines"]["metrics"]["exporters"]) == {"prometheus"}
    (source,) = read("compose/grafana.yaml")["datasources"]
    assert source["url"].startswith("http://prometheus:")
    dashboard = json.loads((FOLDER / "grafana/sixplane.json").read_text(encoding="utf-8"))
    (variable,) = dashboard["templating"]["list"]
    assert variable["query"] == source["type"]
    (provider,) = read("compose/dashboards.yaml")["providers"]
    folders = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert provider["options"]["path"] in folders
    assert SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].startswith(folders[-1])


def test_each_service_that_is_named_exists() -> None:
    named = {name for each in SERVICES.values() for name in each.get("depends_on", ())}
    assert named - set(SERVICES) == set()
