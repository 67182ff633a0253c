"""Write the software bill of materials, in the format CycloneDX, and check the licences: `make sbom`.

The bill lists the packages that `sixplane` and its extra `server` need, at the versions that are installed here, with
the licences that the packages state and the SHA-256 of every file that the lock accepts. `cyclonedx-py` finds both;
this module joins them, leaves the tools of development out, and marks packages of the extra as `optional`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import ExpressionError, get_spdx_licensing
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
POLICY = ROOT / "deploy" / "licences.toml"
EXTRA = "server"
_SPDX = get_spdx_licensing()


def main() -> int:
    """Write the file; return 1 if it breaks the format's schema or a licence is not allowed."""
    parser = argparse.ArgumentParser(prog="python deploy/sbom.py", description="Write the bill of materials.")
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "dist" / "sixplane.cdx.json")
    out: Path = parser.parse_args().out
    bill = bill_of_materials()
    written = json.dumps(bill, indent=2, sort_keys=True) + "\n"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(written, encoding="utf-8")
    sys.stderr.write(f"{out}: {len(bill['components'])} packages\n")
    faults = refused(bill["components"], rules_of_licences())
    if (broken := JsonStrictValidator(SchemaVersion.V1_6).validate_str(written)) is not None:
        faults.append(f"the file breaks the schema of CycloneDX: {broken}")
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    return 1 if faults else 0


def bill_of_materials() -> dict[str, Any]:
    """Return the bill of the packages that are installed here for `sixplane[server]`.

    Raises:
        subprocess.CalledProcessError: `cyclonedx-py` failed; it has printed why.
    """
    bill = _cyclonedx("environment", sys.executable)
    locked = _cyclonedx("requirements", str(ROOT / "requirements-dev.lock"))
    files = {_name(each): each["externalReferences"] for each in locked["components"]}
    needed, wanted = _closure(), _closure(EXTRA)
    bill["components"] = [each for each in bill["components"] if _name(each) in wanted]
    for each in bill["components"]:
        each["scope"] = "required" if _name(each) in needed else "optional"
        each["externalReferences"] = [*each.get("externalReferences", ()), *files.get(_name(each), ())]
    root = bill["metadata"]["component"]["bom-ref"]
    listed = {each["bom-ref"] for each in bill["components"]}
    bill["dependencies"] = [
        {**each, "dependsOn": sorted(listed.intersection(each.get("dependsOn", ())))}
        for each in bill["dependencies"]
        if each["ref"] in listed | {root}
    ]
    return bill


def rules_of_licences() -> dict[str, Any]:
    """Return the content of `licences.toml`."""
    return tomllib.loads(POLICY.read_text(encoding="utf-8"))


def refused(components: Iterable[Mapping[str, Any]], rules: Mapping[str, Any]) -> list[str]:
    """Return a line for each package whose licence `rules` do not allow, or that states none.

    `rules` are the content of `licences.toml`. Of `A OR B` one has to be allowed, of `A AND B` both. A package that
    states an SPDX expression is judged by that, not by its classifiers, which name families of licences only.
    """
    faults = []
    for each in components:
        exception = rules["exceptions"].get(_name(each), {})
        found = [exception["licence"]] if exception else _licences(each, rules["classifiers"])
        package = f"{each['name']} {each['version']}"
        if not found:
            faults.append(f"{package}: it states no licence; read it and add an exception to {POLICY.name}")
        elif not exception.get("allow"):
            bad = [licence for licence in found if not _permits(licence, set(rules["allowed"]))]
            faults.extend(f"{package}: the licence {licence!r} is not allowed by {POLICY.name}" for licence in bad)
    return faults


def _licences(component: Mapping[str, Any], classifiers: Mapping[str, str]) -> list[str]:
    """Return the SPDX expressions that the package states, or those that its classifiers stand for."""
    stated = [each.get("expression") or each["license"].get("id") for each in component.get("licenses", ())]
    named = [each["license"]["name"] for each in component.get("licenses", ()) if "name" in each.get("license", {})]
    return [each for each in stated if each] or [classifiers.get(name, name) for name in named]


def _permits(expression: str, allowed: set[str]) -> bool:
    """Whether `expression` can be met with licences of `allowed`."""
    try:
        parsed = _SPDX.parse(expression, validate=True)
    except ExpressionError:
        return False
    # With each licence replaced by whether it is allowed, the expression is a statement that is true or false.
    values = {each: _SPDX.TRUE if each.key in allowed else _SPDX.FALSE for each in parsed.symbols}
    return bool(parsed.subs(values).simplify() == _SPDX.TRUE)


def _closure(extra: str = "") -> set[str]:
    """Return the names of the packages that `sixplane` needs here, with its extra `extra`, directly and indirectly.

    The graph of `cyclonedx-py` is no help: it also follows the extras of packages that nobody asked for.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [*project["dependencies"], *project["optional-dependencies"].get(extra, ())]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        for wanted in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, wanted))
            waiting.extend(_needs(name, wanted))
    return {name for name, _ in seen}


def _needs(name: str, extra: str) -> list[str]:
    """Return what the installed package `name` needs, or with an extra what it adds, without the condition."""
    found = []
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        marker, requirement.marker = requirement.marker, None
        always = marker is None or marker.evaluate({"extra": ""})
        if (always and not extra) or (not always and marker is not None and marker.evaluate({"extra": extra})):
            found.append(str(requirement))
    return found


def _name(component: Mapping[str, Any]) -> str:
    return canonicalize_name(component["name"])


def _cyclonedx(kind: str, source: str) -> dict[str, Any]:
    """Run `cyclonedx-py` and return the bill that it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bill.json"
        options = [
            "--pyproject",
            str(ROOT / "pyproject.toml"),
            "--output-reproducible",
            "--no-validate",
            "--output-file",
            str(out),
        ]
        # The joined bill is validated, not the two that it is made of: each validation takes ten seconds.
        command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", kind, "--no-validate", *options, source]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)  # noqa: S603, PLW1510 - checked below
        if done.returncode:
            sys.stderr.write(done.stderr)
            done.check_returncode()
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
