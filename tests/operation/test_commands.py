from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pyrage
import pytest
from click.testing import CliRunner

from review_service.__main__ import main
from review_service.settings import Settings
from review_service.storage import Store

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new installation's folder, named by the environment as a server's is."""
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("REVIEW_DATA", str(folder))
    monkeypatch.setenv("REVIEW_ORIGIN", "review.test")
    monkeypatch.setenv("REVIEW_HOSTS", "review.test,127.0.0.1,localhost")
    monkeypatch.delenv("REVIEW_DATABASE", raising=False)
    return folder


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def test_check_names_what_is_missing_and_changes_nothing(data: Path) -> None:
    """Before the first start everything that lacks is named, and not a file is made."""
    result = _run("check")
    assert result.exit_code == 1
    found = {line.split(" ")[0] for line in result.output.splitlines()}
    assert found == {"secret-missing", "database-missing"}
    assert not list(data.iterdir())


def test_check_passes_and_sees_each_fault(data: Path) -> None:
    """An installation in order is ok; a key or folder that others may read is named."""
    assert _run("migrate").exit_code == 0
    settings = Settings()
    for name in ("session", "password", "totp"):
        settings.secret(name)
    assert _run("check").output == "ok\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVIEW_ORIGIN", "another.example")
        patch.setenv("REVIEW_HOSTS", "")
        assert {"origin-changed", "hosts-not-set"} <= set(_run("check").output.split())
        assert "origin-changed" in _run("backup", str(data / "no.zip")).output
    settings.key_file.chmod(0o644)
    settings.secret_file("session").chmod(0o640)
    data.chmod(0o755)
    output = _run("check").output
    assert all(code in output for code in ("key-mode", "secret-mode", "data-mode"))
    settings.key_file.unlink()
    assert "key-missing" in _run("check").output


def test_upgrade_and_roll_back(data: Path, tmp_path: Path) -> None:
    """Back up, migrate; then roll back: the old revision's store is there again, verified."""
    url = Settings().database_url
    old = Store(url)
    old.migrate("0004")
    old.close()
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity").write_text(f"# key\n{identity}\n")
    assert "0004" in _run("migrate").output
    file = str(tmp_path / "before.age")
    made = _run("backup", file, "--recipient", str(identity.to_public()))
    assert made.exit_code == 0, made.output
    assert _run("rotate-key").exit_code == 0
    for path in sorted(data.iterdir()):
        path.unlink()
    result = _run("restore", file, "--identity", str(tmp_path / "identity"))
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["root"] == json.loads(made.output)["log"]["root"]
    assert json.loads(_run("verify-log").output)["keys"] == 1


def test_commands_refuse_in_one_line(data: Path, tmp_path: Path) -> None:
    """A refusal is a line with its code, and exit status 1, never a traceback."""
    _run("migrate")
    (tmp_path / "x.zip").write_bytes(b"no zip")
    for arguments, code in (
        (("restore", str(tmp_path / "x.zip")), "backup-unreadable"),
        (("archive", "nope", str(tmp_path / "a.zip")), "not-found"),
        (("backup", str(tmp_path / "x.zip")), "is there already"),
    ):
        result = _run(*arguments)
        assert result.exit_code == 1
        assert code in result.output
    assert "keep until" not in _run("retention").output


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_sigterm_answers_what_was_asked(data: Path) -> None:
    """A server that is stopped answers the request that it was sent, then ends by itself."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "review_service", "serve", "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | {"REVIEW_INSECURE_COOKIES": "yes"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == f"http://127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            client.sendall(request)
            time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            answer = b""
            while part := client.recv(65536):
                answer += part
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.rstrip().endswith(b"</html>")
        assert process.wait(timeout=40) == 0
    finally:
        process.kill()
        process.stdout.close()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "held"), [("REVIEW_SESSION_MINUTES", "soon"), ("REVIEW_ARGON2", "3,65536")]
)
def test_a_setting_that_cannot_be_read_is_named(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str, held: str
) -> None:
    """The variable, what it holds and what it needs stand in one line, for check and for serve."""
    monkeypatch.setenv(name, held)
    for command in ("check", "serve"):
        result = _run(command)
        assert result.exit_code == 1
        assert result.output.startswith(f"Error: {name}: '{held}' is not ")
    assert not list(data.iterdir())


def test_a_lost_secret_of_second_factors_is_named_not_made_anew(data: Path) -> None:
    """With apps set up, a missing totp.secret refuses the start and names its file."""
    email = ("staff", "a@test.example", "某人", "--code", "ministry-9")
    made = _run("create-account", *email, "--password", "a walk in the old garden")
    assert made.exit_code == 0
    store = Store(Settings().database_url)
    with store.writing() as session:
        session.connection().exec_driver_sql("UPDATE account SET tf_totp_secret = 'sealed'")
        session.commit()
    store.close()
    assert not (data / "totp.secret").exists()
    result = _run("serve")
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: secret-missing (file: {data / 'totp.secret'}")
    assert not (data / "totp.secret").exists()


def test_a_password_that_anybody_guesses_makes_no_account(data: Path) -> None:
    """The command holds first accounts to what pages ask of a password."""
    email = ("administrator", "admin@test.example", "某人", "--code", "admin-1")
    for password in ("short", "123456789012", "admin@test.example"):
        assert _run("create-account", *email, "--password", password).exit_code == 2
    assert not (data / "review.db").exists()
