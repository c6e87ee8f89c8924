from __future__ import annotations

import asyncio
import email
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from email import policy
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlmodel import col, select

from review_service import mail
from review_service.__main__ import main
from review_service.demonstration.world import Clock, Entropy, lock_time
from review_service.jobs import kinds, queue, worker
from review_service.keys import load_keys
from review_service.office import make_office
from review_service.settings import Settings
from review_service.tables import Job, Letter
from review_service.workflows.base import SYSTEM, NotFoundError, Office, Tools, Work, WorkflowError
from review_service.workflows.log import open_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from review_service.storage import Store


@dataclass
class Post:
    """A mail server of the loopback: it keeps what it takes, and answers as it is told to."""

    port: int = 0
    taken: list[bytes] = field(default_factory=list)
    recipient_answer: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False
    signed_in: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak as much SMTP as a sender needs."""

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 post.test")
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                say("250-post.test")
                say("250 AUTH PLAIN")
            elif verb == "AUTH":
                self.signed_in.append(line)
                say("235 welcome")
            elif verb == "RCPT":
                address = line.partition("<")[2].rstrip(">")
                say(self.recipient_answer.get(address, "250 fine"))
            elif verb == "DATA":
                if self.hangs_up:
                    break
                say("354 go on")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.taken.append(data[:-5])
                say("250 taken")
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                say("250 fine")
        writer.close()


@pytest.fixture
def post() -> Iterator[Post]:
    """A mail server on a free port."""
    made, ready, loop = Post(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    ready.wait(10)
    yield made
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


@pytest.fixture
def office(store: Store, tmp_path: Path) -> Office:
    """An office with a clock of its own."""
    keys = load_keys(tmp_path / "log.key", "review.test", entropy=b"\x03" * 32)
    made = Office(store, Tools(Clock(lock_time()), Entropy("mail"), keys))
    made.do(SYSTEM, open_log)
    return made


def _write(work: Work, address: str, calendar: str = "") -> None:
    work.session.add(
        Letter(
            address=address, name="王小明", subject="评审邀请 · Invitation",
            body="您好：\n请答复。\n", calendar=calendar, made_at=work.now,
        )
    )  # fmt: skip


def _letters(office: Office) -> list[Letter]:
    with office.store.reading() as session:
        return list(session.exec(select(Letter).order_by(col(Letter.id))))


def _send(office: Office, post: Post) -> dict[str, int]:
    server = mail.Server.parse(f"smtp://review:geheim@127.0.0.1:{post.port}", "review@post.test")
    letters = office.do(SYSTEM, mail.claim)
    return office.do(SYSTEM, mail.conclude, mail.deliver(letters, server))


def test_a_letter_arrives_whole_with_its_calendar(office: Office, post: Post) -> None:
    """Subject, text, name and the .ics file come through; a letter that went isn't sent again."""
    office.do(SYSTEM, _write, "wang@experts.test", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    assert _send(office, post) == {"sent": 1, "failed": 0}
    assert _send(office, post) == {"sent": 0, "failed": 0}
    arrived = email.message_from_bytes(post.taken[0], policy=policy.default)
    assert arrived["Subject"] == "评审邀请 · Invitation"
    assert arrived["To"].addresses[0].display_name == "王小明"
    assert arrived["From"] == "review@post.test"
    body, calendar = arrived.iter_parts()
    assert body.get_content().split() == ["您好：", "请答复。"]
    assert calendar.get_filename() == "review.ics"
    assert calendar.get_content_type() == "text/calendar"
    assert b"BEGIN:VCALENDAR" in calendar.get_payload(decode=True)
    assert post.signed_in
    assert _letters(office)[0].sent_at is not None


def test_what_a_server_refuses_is_kept_and_tried_again(office: Office, post: Post) -> None:
    """A 4xx is tried again after its pause, a 5xx is given up, and each error stands by its own."""
    for name in ("busy", "unknown", "fine"):
        office.do(SYSTEM, _write, f"{name}@experts.test")
    office.do(SYSTEM, _write, "no address")
    post.recipient_answer = {
        "busy@experts.test": "451 try later",
        "unknown@experts.test": "550 nobody here",
    }
    assert _send(office, post) == {"sent": 1, "failed": 3}
    busy, unknown, fine, wrong = _letters(office)
    assert (busy.error, busy.attempts) == ("451 try later", 1)
    assert (unknown.error, unknown.attempts) == ("550 nobody here", mail.TRIES)
    assert fine.sent_at is not None
    assert wrong.error.startswith("501")
    assert office.do(SYSTEM, mail.claim) == []
    office.tools.clock.advance(minutes=3)  # type: ignore[attr-defined]
    post.recipient_answer = {}
    assert _send(office, post) == {"sent": 1, "failed": 0}
    assert _letters(office)[0].error == ""
    office.do(SYSTEM, mail.again, unknown.id or 0)
    assert _send(office, post) == {"sent": 1, "failed": 0}
    with pytest.raises(NotFoundError):
        office.do(SYSTEM, mail.again, unknown.id or 0)


def test_a_server_that_hangs_up_loses_no_letter(office: Office, post: Post) -> None:
    """A broken connection counts for every letter that is left, and all go out later."""
    for n in range(3):
        office.do(SYSTEM, _write, f"e{n}@experts.test")
    post.hangs_up = True
    assert _send(office, post) == {"sent": 0, "failed": 3}
    assert all(one.error for one in _letters(office))
    post.hangs_up = False
    office.tools.clock.advance(minutes=5)  # type: ignore[attr-defined]
    assert _send(office, post) == {"sent": 3, "failed": 0}


def test_two_senders_never_take_the_same_letter(office: Office) -> None:
    """A letter taken up by one sender isn't due for another, until its next try is."""
    office.do(SYSTEM, _write, "wang@experts.test")
    assert len(office.do(SYSTEM, mail.claim)) == 1
    assert office.do(SYSTEM, mail.claim) == []
    office.tools.clock.advance_to(  # type: ignore[attr-defined]
        office.tools.clock() + timedelta(minutes=2)
    )
    assert len(office.do(SYSTEM, mail.claim)) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("http://post.test", "scheme"), ("smtp://", "host"), ("smtp://post.test:x", "port"),
        ("smtp://post.test/inbox", "host"),
    ],
)  # fmt: skip
def test_a_wrong_address_is_named(text: str, fault: str) -> None:
    """An address that is no mail server's is refused with what is wrong about it."""
    with pytest.raises(WorkflowError, match="smtp-address") as refused:
        mail.Server.parse(text)
    assert refused.value.facts == {"fault": fault}


def test_the_server_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Address and password come from files too; marks in a password may be written as %40."""
    assert mail.Server.from_environment() is None
    monkeypatch.setenv("REVIEW_SMTP", "smtps://office%40post.test:a%3Ab@post.test")
    found = mail.Server.from_environment()
    assert found is not None
    assert (found.port, found.user, found.password) == (465, "office@post.test", "a:b")
    assert found.sender == "office@post.test"
    (tmp_path / "smtp").write_text("smtp://office@post.test:587\n")
    (tmp_path / "password").write_text("geheim\n")
    monkeypatch.setenv("REVIEW_SMTP_FILE", str(tmp_path / "smtp"))
    monkeypatch.setenv("REVIEW_SMTP_PASSWORD_FILE", str(tmp_path / "password"))
    found = mail.Server.from_environment()
    assert found is not None
    assert (found.port, found.user, found.password) == (587, "office", "geheim")
    assert found.sender == "review@post.test"


def test_a_password_never_goes_out_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, post: Post
) -> None:
    """Where a server away from this machine offers no TLS, it gets neither password nor letter."""
    monkeypatch.setattr(mail, "LOOPBACK", set())
    server = mail.Server.parse(f"smtp://review:geheim@127.0.0.1:{post.port}")
    letter = {"id": 1, "address": "e@experts.test"}
    assert "no TLS" in mail.deliver([letter], server)[1]
    assert (post.signed_in, post.taken) == ([], [])


def test_the_command_and_the_job_send(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, post: Post
) -> None:
    """`send-mail` sends what waits and says so, as does a job; without a server both refuse."""
    monkeypatch.setenv("REVIEW_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    made = make_office(Settings())
    made.do(SYSTEM, _write, "wang@experts.test")
    refused = CliRunner().invoke(main, ["send-mail"])
    assert refused.exit_code == 1
    assert "no-smtp" in refused.output
    monkeypatch.setenv("REVIEW_SMTP", f"smtp://127.0.0.1:{post.port}")
    done = CliRunner().invoke(main, ["send-mail"])
    assert done.output == "sent: 1, not taken: 0\n"
    made.do(SYSTEM, _write, "li@experts.test")
    made.do(SYSTEM, queue.enqueue, "mail", {})
    assert worker.Worker(made, kinds=kinds.KINDS).once()
    with made.store.reading() as session:
        job = session.exec(select(Job)).one()
        assert (job.status, job.outcome) == ("done", {"sent": 1, "failed": 0})
    made.store.close()
    assert len(post.taken) == 2
