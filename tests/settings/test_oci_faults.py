"""Opening a session: everything that is missing or wrong is named with its remedy, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.errors import SettingsInvalid
from tests.doubles.oci.configuration import (
    EXPIRED,
    KEY,
    OTHER_KEY,
    PASSPHRASE,
    TOKEN,
    Files,
    elliptic,
    encrypted,
    everything,
    opened,
    part,
    public,
)
from tests.doubles.oci.signature import fingerprint_of, pem_of

SECRET_INI = f"[DEFAULT]\npass_phrase={PASSPHRASE}\n"
TOKENS = {"auth": "security_token"}
Case = tuple[dict[str, object], dict[str, object], tuple[str, ...]]

WRONG: dict[str, Case] = {
    "an unknown profile": ({}, {"profile": "STAGING"}, ("no profile `STAGING`", "SIXPLANE_OCI__PROFILE")),
    "no key_file": ({"entries": {"key_file": None}}, {}, ("`key_file` is missing", "oci setup config")),
    "a key file that is not there": (
        {"entries": {"key_file": "/nowhere/key.pem"}},
        {},
        ("no private key", "`DEFAULT`", "correct `key_file`"),
    ),
    "a key that is no PEM": ({"key": "MIIE and so on"}, {}, ("not a private key in PEM", "`key_file`")),
    "a key that is no text": ({"key": b"\xff\xfe\x00\x01"}, {}, ("is not a text file", "`key_file`")),
    "a public key": ({"key": public()}, {}, ("not a private key in PEM", "`key_file`")),
    "a key of another kind": ({"key": elliptic()}, {}, ("not an RSA key", "`key_file`")),
    "an encrypted key without a passphrase": (
        {"key": encrypted(PASSPHRASE)},
        {},
        ("needs a passphrase", "pass_phrase"),
    ),
    "an encrypted key with a wrong passphrase": (
        {"key": encrypted(PASSPHRASE), "entries": {"pass_phrase": "staple-of-somebody"}},
        {},
        ("passphrase is wrong", "`pass_phrase`"),
    ),
    "the fingerprint of another key": (
        {"entries": {"fingerprint": fingerprint_of(OTHER_KEY)}},
        {},
        ("`fingerprint` does not belong to its `key_file`", "console's API keys"),
    ),
    "a malformed fingerprint": ({"entries": {"fingerprint": "12:34"}}, {}, ("`fingerprint` is malformed",)),
    "no tenancy": ({"entries": {"tenancy": None}}, {}, ("`tenancy` is missing", "oci setup config")),
    "no user": ({"entries": {"user": None}}, {}, ("`user` is missing", "oci setup config")),
    "neither user nor tenancy": (
        {"entries": {"user": None, "tenancy": None}},
        {},
        ("`tenancy` is missing, `user` is missing",),
    ),
    "a session's profile for an API key": (
        {"entries": {"user": None}, "token": TOKEN},
        {},
        ("`user` is missing", "SIXPLANE_OCI__AUTH=security_token"),
    ),
    "another authentication in the profile": (
        {"entries": {"authentication_type": "instance_principal"}},
        {},
        ("`authentication_type`", "SIXPLANE_OCI__AUTH"),
    ),
    "lines without a profile": ({"ini": f"pass_phrase={PASSPHRASE}\n"}, {}, ("cannot be read", "[PROFILE]")),
    "lines that are none": ({"ini": f"{SECRET_INI}{PASSPHRASE}\n"}, {}, ("cannot be read", "name=value")),
    "a repeated entry": ({"ini": SECRET_INI + f"pass_phrase={PASSPHRASE}\n"}, {}, ("cannot be read", "once")),
    "a key inside the file": ({"ini": "[DEFAULT]\nkey_content=-----BEGIN\n"}, {}, ("cannot be read", "key_content")),
    "an empty file": ({"ini": "\n"}, {}, ("`tenancy` is missing", "oci setup config")),
    "an expired token": (
        {"token": EXPIRED},
        TOKENS,
        ("has expired", "oci session authenticate --profile-name DEFAULT"),
    ),
    "a token without parts": ({"token": "opaque-token"}, TOKENS, ("cannot be read", "oci session authenticate")),
    "a token without an end": ({"token": f"a.{part({'sub': 'x'})}.b"}, TOKENS, ("cannot be read", "authenticate")),
    "a token whose claims are a list": ({"token": f"a.{part([1])}.b"}, TOKENS, ("cannot be read", "authenticate")),
    "a token that is no text": (
        {"token": b"\xff\xfe.\xff.\xff"},
        TOKENS,
        ("is not a text file", "oci session authenticate"),
    ),
    "no token file": ({}, TOKENS, ("no security token file", "oci session authenticate --profile-name DEFAULT")),
    "a token file that is not there": (
        {"entries": {"security_token_file": "/nowhere/token"}},
        TOKENS,
        ("no security token file", "oci session authenticate"),
    ),
    "a token without its key": ({"token": TOKEN, "entries": {"key_file": None}}, TOKENS, ("names no `key_file`",)),
    "an unknown region": ({}, {"region": "us-chicago-2"}, ("no region 'us-chicago-2'", "did you mean `us-chicago-1`?")),
    "a region like none": ({}, {"region": "atlantis"}, ("no region 'atlantis'", "`oci iam region list`")),
    "no region": ({"entries": {"region": None}}, {}, ("needs a region", "SIXPLANE_OCI__REGION")),
    "no region beside an endpoint": (
        {"entries": {"region": None}},
        {"endpoint": "http://127.0.0.1:9"},
        ("needs a region", "SIXPLANE_OCI__REGION"),
    ),
    "no compartment": ({}, {"compartment_id": ""}, ("needs a compartment", "SIXPLANE_OCI__COMPARTMENT_ID")),
    "a name for a compartment": ({}, {"compartment_id": "research"}, ("not the OCID", "`ocid1.compartment.`")),
    "an OCID of something else": ({}, {"compartment_id": "ocid1.user.oc1..x"}, ("not the OCID of a compartment",)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_missing_or_wrong_is_named_with_its_remedy_and_without_a_secret(tmp_path: Path, name: str) -> None:
    given, oci, words = WRONG[name]
    files = Files(tmp_path / "oci", **given).write()  # type: ignore[arg-type]
    with pytest.raises(SettingsInvalid) as caught:
        opened(files, **oci)
    told = f"{caught.value.message}\n{caught.value.hint}"
    assert [word for word in words if word not in told] == [], told
    assert caught.value.hint
    secrets = [PASSPHRASE, "staple-of-somebody", TOKEN, EXPIRED, "opaque-token", "PRIVATE KEY", pem_of(KEY)[40:100]]
    assert [secret for secret in secrets if secret in everything(caught.value)] == []
