"""The demonstration, from its command to its bundle."""

from __future__ import annotations

import fcntl
import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlmodel import select

from allocation import verify
from review_service.commands.demo import demo
from review_service.crypto import make_keys
from review_service.settings import Settings
from review_service.storage import Store
from review_service.tables import Letter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the words of a demonstration that has run."""
    out = tmp_path_factory.mktemp("demo")
    result = CliRunner().invoke(demo, ["--serve", "no", "--port", "8077", "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out, result.output


def test_its_bundle_verifies(finished: tuple[Path, str]) -> None:
    """Ten lines pass, two had nothing to check, and the summary says so in both languages."""
    out, said = finished
    lines = verify.verify(verify.read(str(out / "bundle.zip")))
    assert [line.status for line in lines] == ["PASS"] * 10 + ["NOT CHECKED"] * 2
    assert "10 项通过，0 项不通过" in said
    assert "10 checks passed, 0 failed" in said


def test_letters_lead_to_the_pages(finished: tuple[Path, str]) -> None:
    """Every link of every letter has the port at which the demonstration is served."""
    settings = Settings(data=finished[0] / "data", database="")
    store = Store(settings.database_url, keys=make_keys(settings.column_key_file))
    with store.reading() as session:
        bodies = [one.body for one in session.exec(select(Letter))]
    store.close()
    links = [link for body in bodies for link in re.findall(r"http://\S+", body)]
    assert links
    assert {link.partition("/invitation/")[0] for link in links} == {"http://127.0.0.1:8077"}


def test_a_changed_byte_in_any_file_is_found(finished: tuple[Path, str]) -> None:
    """One bit turned in the middle of each file of the bundle makes the verifier fail."""
    bundle = finished[0] / "bundle.zip"
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert len(files) == 7
    for name, data in files.items():
        middle = len(data) // 2
        changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        lines = verify.verify({**files, name: changed})
        assert "FAIL" in {line.status for line in lines}, name


def test_a_changed_byte_in_the_zip_is_found(finished: tuple[Path, str]) -> None:
    """The same byte changed inside the zip is refused when the zip is read."""
    data = bytearray((finished[0] / "bundle.zip").read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        start = archive.getinfo("result.json").header_offset
    data[start + 200] ^= 1
    with pytest.raises(verify.Refused):
        verify.read_zip(bytes(data))


def test_two_do_not_run_in_one_folder(finished: tuple[Path, str]) -> None:
    """While one runs or serves, another in the same folder refuses and touches nothing."""
    out = finished[0]
    before = (out / "bundle.zip").read_bytes()
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = CliRunner().invoke(demo, ["--serve", "no", "--out", str(out)])
    assert result.exit_code == 1
    assert "already" in result.output
    assert (out / "bundle.zip").read_bytes() == before
