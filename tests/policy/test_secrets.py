"""Keys, tokens and passwords by format and by context; talk about them passes, and the time is bounded."""

from __future__ import annotations

import pytest

from policy import Action, CredentialsGuard, Stage, apply_masks
from policy.credentials import _windows, find_secrets

# Put together here, so that no scanner takes this file for a leak.
FORMATS = [
    "A3T" + "ABCDEFGH12345678X",
    "gh" + "p_" + "a1B2" * 10,  # longer than the pattern of the library
    "gl" + "pat-" + "aB3_" * 5,
    "npm" + "_" + "a1B2" * 9,
    "S" + "G." + "a1B2c3D4e5F6g7H8i9J0k1" + "." + "a1B2" * 10 + "c3D",
    "sk" + "_live_" + "a1B2" * 6,
    "AC" + "0123456789abcdef" * 2,
    "pypi-" + "AgEIcHlwaS5vcmc" + "a1B2" * 20,
    "123456789:" + "a1B2c" * 7,
    "AI" + "za" + "a1B2c" * 7,
    "h" + "f_" + "a1B2" * 8 + "c3",
]


@pytest.mark.parametrize("secret", FORMATS)
def test_nothing_of_a_known_format_is_left(secret):
    prefix = "//packages.example/:_authToken=" if secret.startswith("npm") else "use this: "
    assert apply_masks(f"{prefix}{secret} now", find_secrets(f"{prefix}{secret} now")) == f"{prefix}<SECRET> now"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('password = "Tr0ub4dor&3x"', 'password = "<SECRET>"'),
        ("The password is Tr0ub4dor&3x.", "The password is <SECRET>"),
        ("Das Passwort: Gr8nerBaum99", "Das Passwort: <SECRET>"),
        ("API key: `9f8e7d6c5b4a3210`", "API key: `<SECRET>`"),
        ("client_secret=abcdEFGH1234", "client_secret=<SECRET>"),
        ("Authorization: Basic YW5uOlBhNTV3MHJk", "<SECRET>"),
        ("https://ann:Pa55w0rd-x@db.example/a", "https://ann:<SECRET>@db.example/a"),
    ],
)
def test_a_value_behind_the_word_for_a_secret_is_one_if_it_looks_random(text, shown):
    assert apply_masks(text, find_secrets(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Bearer YOUR_TOKEN",
        "the bearer of it",
        "Authorization: Basic authentication is off",
        "Authorization: Basic YOUR_CREDENTIALS",
        "hf_transfer and npm_config_registry",
        "a private key",
        "sk-learn",
        "AKIA",
        "The password is required.",
        "A token is valid for an hour.",
        "password = os.environ['DB_PASSWORD']",
        "access_token=TokenHandlerOAuth(),",
        "client_secret=self.client_secret",
        "password: ${DB_PASSWORD}",
        "dialect://user:pass@host",
        "private key:key_file=~/.oci/oci_api_key.pem",
        "password = your_password",
        "secret: ********",
        "Created secret: ocid1.vaultsecret.oc1.iad.amaaaaaav66vvnia2bmkbroin34eu2ghmubv",
        "Release 23.4.0-beta1 of 2024-05-02",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    ],
)
async def test_talk_about_secrets_passes(text):
    assert (await CredentialsGuard().check(text, Stage.ANSWER)).action is Action.ALLOW


def test_ocids_are_redacted_by_setting_alone():
    text = "compartment ocid1.compartment.oc1..aaaaaaaa5l3kq2pj7x4v6n8m1b9c0d and more"
    assert find_secrets(text) == ()
    assert apply_masks(text, find_secrets(text, ocids=True)) == "compartment <OCID> and more"


def test_offsets_hold_over_many_lines_and_in_long_ones():
    secret = FORMATS[1]
    for text in (f"é\n\n{'x' * 5000} {secret} end", f"{'y ' * 397}{secret}\n{secret}", f"{'z ' * 900}{secret}"):
        spans = [(mask.start, mask.end) for mask in find_secrets(text)]
        assert [text[start:end] for start, end in spans] == [secret] * text.count(secret)


@pytest.mark.parametrize("length", [0, 1, 999, 1000, 1001, 1800, 5000])
def test_windows_cover_each_line_and_stay_small(length):
    text = "a" * length + "\nb"
    seen = {n for start, piece in _windows(text) for n in range(start, start + len(piece))}
    assert seen == set(range(len(text))) - {length}  # all but the line break
    assert max(len(piece) for _, piece in _windows(text)) <= 1000


@pytest.mark.parametrize("piece", ["://a:", "'\"", "key_", "-----BEGIN ", "password ", "eyJ.", " ", "secret=a"])
def test_long_hostile_text_ends(piece):
    find_secrets(piece * (200_000 // len(piece)))
