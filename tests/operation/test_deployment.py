from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import review_service
from review_service.jobs.worker import GRACE
from review_service.settings import Settings
from review_service.web import create_app

ROOT = Path(review_service.__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def _read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def _environment() -> dict[str, str]:
    lines = _read("environment.example").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _unit(path: Path) -> dict[str, str]:
    """The settings of a unit; none of ours is given twice."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [line.partition("=") for line in lines if re.match(r"[A-Za-z]+=", line)]
    assert len(found) == len({name for name, _, _ in found}), path
    return {name: value for name, _, value in found}


def _nginx(name: str) -> str:
    """The one value of a directive of the example."""
    found = set(re.findall(rf"^\s*{name}\s+([^;]+);", _read("nginx.conf.example"), re.MULTILINE))
    assert len(found) == 1, (name, found)
    return str(found.pop())


@pytest.fixture
def gunicorn(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The settings of gunicorn with nothing but its own defaults."""
    for name in _environment():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "kept as it was")
    return runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))


def test_nginx_leads_to_where_the_service_listens(gunicorn: dict[str, object]) -> None:
    """The address of the example, of the settings and of gunicorn's own default are one."""
    assert f"server {gunicorn['bind']} " in _read("nginx.conf.example")
    assert _environment()["REVIEW_BIND"] == gunicorn["bind"]
    assert _environment()["REVIEW_PROXIES"] == "1"
    assert _nginx("server_name") in _environment()["REVIEW_HOSTS"].split(",")
    # nginx closes an idle connection to the service after 60 s: before the service does.
    assert int(str(gunicorn["keepalive"])) > 60
    assert "X-Forwarded-For $remote_addr" in _read("nginx.conf.example")


def test_nginx_takes_what_the_service_takes(tmp_path: Path) -> None:
    """A body of the service's own limit passes nginx; a larger one gets a page that names it."""
    app = create_app(Settings(data=tmp_path / "instance", database=""))
    app.extensions["office"].store.close()
    megabytes = app.config["MAX_CONTENT_LENGTH"] // 2**20
    limits = re.findall(r"client_max_body_size\s+(\w+);", _read("nginx.conf.example"))
    assert limits == [f"{megabytes}m", "0"]
    assert _read("pages/too-large.html").count(f"{megabytes} MB") == 2


def test_pages_of_nginx_are_installed() -> None:
    """Each page that nginx answers by itself is there, where the installer puts it."""
    example, installer = _read("nginx.conf.example"), _read("install.sh")
    pages = re.findall(r"error_page [\d ]+ /(\S+);", example)
    assert {path.name for path in (DEPLOY / "pages").iterdir()} == set(pages)
    assert _nginx("root") == "/opt/review-service/deploy/pages"
    assert '"$SOURCE"/deploy/pages/*.html "$APP/deploy/pages/"' in installer


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_units_agree_with_the_installer(path: Path) -> None:
    """Every unit runs what is installed, with the settings, as the user, into the folders made."""
    unit, installer, environment = _unit(path), _read("install.sh"), _environment()
    assert unit["User"] == unit["Group"] == "review"
    assert unit["EnvironmentFile"] == "/etc/review-service/environment"
    assert environment["REVIEW_DATA"] in unit["ReadWritePaths"].split()
    for folder in unit["ReadWritePaths"].split():
        assert f"=$DESTDIR{folder}\n" in installer
    for program in re.findall(r"(?:/opt/review-service/)?venv/bin/([\w-]+)", unit["ExecStart"]):
        assert program in {"gunicorn", "review-service"}
    # What is allowed is the same for all three: the backup reads everything that there is.
    kept = {name: value for name, value in _unit(UNITS[0]).items() if name in _HARDENING}
    assert set(kept) == _HARDENING
    assert {name: unit[name] for name in _HARDENING} == kept


_HARDENING = {
    "UMask", "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome", "ProtectSystem",
    "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs",
    "ProtectKernelModules", "ProtectKernelTunables", "ProtectProc", "RemoveIPC",
    "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
    "LockPersonality", "SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber",
    "CapabilityBoundingSet",
}  # fmt: skip


def test_a_stop_waits_for_what_is_under_way(gunicorn: dict[str, object]) -> None:
    """A kill comes only after the program's own grace is over, and the master alone is asked."""
    units = {path.stem: _unit(path) for path in UNITS}
    pages, work = units["review-service"], units["review-work"]
    assert int(pages["TimeoutStopSec"]) > int(str(gunicorn["graceful_timeout"]))
    grace = re.search(r"work --grace (\d+)", work["ExecStart"])
    assert grace is not None
    assert int(work["TimeoutStopSec"]) > int(grace[1]) == GRACE
    assert pages["KillMode"] == work["KillMode"] == "mixed"


def test_settings_of_the_example_are_read() -> None:
    """No line of the example is for nothing: the program, or gunicorn's file, reads each."""
    sources = [*(ROOT / "review_service").rglob("*.py"), DEPLOY / "gunicorn.conf.py"]
    read = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert [name for name in _environment() if f'"{name}' not in read] == []


def test_the_servers_lock_is_part_of_the_whole() -> None:
    """A server gets the versions that are tested here, by the same hashes, and no test tools."""

    def pinned(path: Path) -> dict[str, set[str]]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        rows = [line.split(" --hash=") for line in text.splitlines() if "==" in line]
        return {row[0].strip(): {one.strip() for one in row[1:]} for row in rows}

    whole, server = pinned(ROOT / "requirements.lock"), pinned(DEPLOY / "requirements.lock")
    assert server.items() <= whole.items()
    assert not any(name.startswith(("pytest", "playwright", "mypy", "ruff")) for name in server)
    for tool in ("install.sh", "Containerfile"):
        assert "--require-build-hashes" in _read(tool)
        assert "deploy/requirements.lock" in _read(tool)
