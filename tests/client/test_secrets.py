"""Secrets are not recorded: by the name of their value, by how they look."""

from typing import Any

import pytest
from metascope import _secrets


@pytest.mark.parametrize(
    ("key", "is_secret"),
    [
        ("api_key", True), ("apiKey", True), ("db.password", True), ("client_secret", True),
        ("hf_token", True), ("token", True), ("AWS_SECRET_ACCESS_KEY", True), ("ssh_pwd", True),
        ("late_token", True), ("slack_token", True), ("HFToken", True), ("openai.key", True),
        ("auth", True), ("pwd", True), ("bearer", True), ("SLURM_JWT", True),
        ("session_cookie", True), ("PASSWORD_2", True), ("refresh_tokens", True),
        ("pad_token", False), ("eos_token", False), ("max_tokens", False), ("cache_key", False),
        ("author", False), ("passes", False), ("two_pass", False), ("secret_santa", False),
        ("tokens_per_batch", False), ("tokenizer", False), ("monkey", False), ("key", False),
        ("use_auth", False), ("password_length", False), ("num_heads", False), ("", False),
    ],
)  # fmt: skip
def test_a_name_says_whether_its_value_is_secret(key, is_secret):
    assert _secrets.names_a_secret(key) is is_secret
    wanted = "[masked]" if is_secret else "text"
    assert _secrets.params({key: "text", "in": {key: "text"}}) == {key: wanted, "in": {key: wanted}}


PARAMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"secret": {"value": "x", "on": True}}, {"secret": {"value": "[masked]", "on": True}}),
    ({"passwords": ["x", ""]}, {"passwords": ["[masked]", ""]}),
    ({"password": 12345678, "token": 3}, {"password": "[masked]", "token": 3}),
    ({"password": None, "auth": False}, {"password": None, "auth": False}),
    ({"url": "postgres://u:x@h/d"}, {"url": "postgres://h/d"}),
    ({"header": "Authorization: Bearer x"}, {"header": "Authorization: Bearer [masked]"}),
    ({"argv": ["--token", "x", "--lr", "1"]}, {"argv": ["--token", "[masked]", "--lr", "1"]}),
    ({"classes": ["token: a", "cat"]}, {"classes": ["token: a", "cat"]}),
    ({"note": "with hf_" + "aB3" * 9}, {"note": "with [masked]"}),
]


@pytest.mark.parametrize(("given", "kept"), PARAMS)
def test_params_keep_what_is_no_secret(given, kept):
    assert _secrets.params(given) == kept


def test_what_is_masked_stays_as_it_is():
    given = ["--opts=password=[masked],lr=1", "Authorization: [masked]", '{"token": [masked]}']

    assert _secrets.arguments(given) == given


def test_secrets_of_the_command_line_are_masked(monkeypatch):
    monkeypatch.setenv("SERVICE_API_KEY", "a-very-secret-key")

    found = _secrets.arguments([
        "train.py", "--api-key", "abc", "--lr=1", "--token=xyz", "--lr", "2", "db.password=p",
        "--url=https://ada:word@example.org/x", "mine:a-very-secret-key", "--tokenizer", "bert",
        "author=ada",
    ])  # fmt: skip

    assert found == [
        "train.py", "--api-key", "[masked]", "--lr=1", "--token=[masked]", "--lr", "2",
        "db.password=[masked]", "--url=https://example.org/x", "mine:[masked]", "--tokenizer",
        "bert", "author=ada",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--pwd", "X"], ["--pwd", "[masked]"]),
        (["--pass", "X"], ["--pass", "[masked]"]),
        (["--db-pass=X"], ["--db-pass=[masked]"]),
        (["--passphrase", "X"], ["--passphrase", "[masked]"]),
        (["--private-key", "X"], ["--private-key", "[masked]"]),
        (["--authorization", "X"], ["--authorization", "[masked]"]),
        (["-H", "Authorization: Bearer X"], ["-H", "Authorization: [masked]"]),
        (["-H", "Authorization: Basic eDp5Cg=="], ["-H", "Authorization: [masked]"]),
        (["--header=authorization:Basic eDp5Cg=="], ["--header=authorization: [masked]"]),
        (["X-Api-Key: X"], ["X-Api-Key: [masked]"]),
        (["--as", "Bearer X"], ["--as", "Bearer [masked]"]),
        (["--header", "Authorization:", "Bearer", "X", "a.csv"],
         ["--header", "Authorization:", "[masked]", "[masked]", "a.csv"]),
        (["-H", "Authorization: Bearer", "X"], ["-H", "Authorization: [masked]", "[masked]"]),
        (["-HAuthorization:", "Basic", "X", "--lr", "1"],
         ["-HAuthorization:", "[masked]", "[masked]", "--lr", "1"]),
        (["--header=X-Api-Key:", "X"], ["--header=X-Api-Key:", "[masked]"]),
        (["--authorization", "Bearer", "X"], ["--authorization", "[masked]", "[masked]"]),
        (["--as", "Bearer", "X"], ["--as", "Bearer", "[masked]"]),
        (["--header", "Accept:", "text/html", "basic", "x"],
         ["--header", "Accept:", "text/html", "basic", "x"]),
        (["--access-key=X", "--wandb-key", "X"],
         ["--access-key=[masked]", "--wandb-key", "[masked]"]),
        (["--bearer", "X", "--cookie", "X"], ["--bearer", "[masked]", "--cookie", "[masked]"]),
        (["--config", '{"api_key":"X, y","lr":1,"password":"X"}'],
         ["--config", '{"api_key":[masked],"lr":1,"password":[masked]}']),
        (["++x={token:X}", "secret={a:X,b:X}"], ["++x={token:[masked]}", "secret=[masked]"]),
        (["--opts=password=X,lr=1"], ["--opts=password=[masked],lr=1"]),
        (["jdbc:pg://h/d?user=a;password=X;ssl=1"], ["jdbc:pg://h/d?user=a;password=[masked];ssl=1"]),
        (["https://h/a?access_token=X&page=2"], ["https://h/a?access_token=[masked]&page=2"]),
        (["ghp_" + "a1" * 18, "key:AKIA" + "A1" * 8], ["[masked]", "key:[masked]"]),
        (["--num-tokens", "55", "--max-token=5"], ["--num-tokens", "55", "--max-token=5"]),
        (["--password-file", "a.txt", "--sort-key", "b"],
         ["--password-file", "a.txt", "--sort-key", "b"]),
        (["--two-pass", "data.csv"], ["--two-pass", "data.csv"]),
        (["--passes", "3", "--notes", "basic: see https://x.org/a"],
         ["--passes", "3", "--notes", "basic: see https://x.org/a"]),
    ],
)  # fmt: skip
def test_passwords_keys_and_headers_of_the_command_line_are_masked(given, expected):
    assert _secrets.arguments(given) == expected


def test_the_working_folder_is_no_secret(monkeypatch):
    monkeypatch.setenv("PWD", "/home/ada/project")

    assert _secrets.arguments(["--data", "/home/ada/project"]) == ["--data", "/home/ada/project"]
