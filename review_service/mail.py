"""Letters over SMTP: any server, with or without a password, over TLS wherever there is one.

Sending is done in three steps, so that no database waits for a mail server: `claim` takes letters
whose try is due, `deliver` talks to the server, `conclude` keeps what came of each. A letter that
is claimed isn't due again before its next try, so two senders never send it at the same time. Where
a sender dies between the server's answer and `conclude`, the letter goes out once more; its
Message-ID is the same, so mail programs show it once.
"""

from __future__ import annotations

import os
import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sqlmodel import col, or_, select

from review_service.tables import Letter
from review_service.workflows.base import NotFoundError, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from review_service.workflows.base import Work

TRIES = 8  # after 2, 4, 8 … minutes; the last about four hours after the first
BATCH = 100  # letters of one connection
TIMEOUT = 30.0  # seconds that a server may take to answer
PORTS = {"smtp": 25, "smtps": 465}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Server:
    """A mail server, and the address that letters come from."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    sender: str

    @classmethod
    def from_environment(cls) -> Server | None:
        """Return the server that the environment names, None where it names none.

        REVIEW_SMTP       smtp://user:password@host:port, or smtps:// for TLS from the start;
                          smtp:// takes up STARTTLS where the server offers it
        REVIEW_SMTP_FILE  a file that holds that address, so that it needn't stand in the
                          environment
        REVIEW_SMTP_PASSWORD_FILE  a file that holds the password alone
        REVIEW_SMTP_FROM  the address letters come from (default: the user, if it is an address)
        """
        named = os.environ.get("REVIEW_SMTP_FILE")
        text = _content(named) if named else os.environ.get("REVIEW_SMTP", "")
        if not text:
            return None
        file = os.environ.get("REVIEW_SMTP_PASSWORD_FILE")
        password = _content(file) if file else ""
        return cls.parse(text, os.environ.get("REVIEW_SMTP_FROM", ""), password)

    @classmethod
    def parse(cls, text: str, sender: str = "", password: str = "") -> Server:
        """Return the server of an address; WorkflowError “smtp-address” says what is wrong."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise WorkflowError("smtp-address", fault="port") from None
        if parts.scheme not in PORTS:
            raise WorkflowError("smtp-address", fault="scheme")
        if not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise WorkflowError("smtp-address", fault="host")
        user = unquote(parts.username or "")
        sender = sender or (user if "@" in user else f"review@{parts.hostname}")
        if "\n" in sender or "\r" in sender or "@" not in sender:
            raise WorkflowError("smtp-address", fault="sender")
        return cls(
            parts.scheme,
            parts.hostname,
            port or PORTS[parts.scheme],
            user,
            password or unquote(parts.password or ""),
            sender,
        )


def _content(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


def claim(work: Work) -> list[dict[str, Any]]:
    """Take up the unsent letters whose try is due, the oldest first, BATCH at most."""
    due = [
        (col(Letter.attempts) == tries)
        & (col(Letter.tried_at) <= work.now - timedelta(minutes=2**tries))
        for tries in range(1, TRIES)
    ]
    query = (
        select(Letter)
        .where(col(Letter.sent_at).is_(None), or_(col(Letter.tried_at).is_(None), *due))
        .order_by(col(Letter.id))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    found = []
    for one in work.session.exec(query):
        one.attempts, one.tried_at = one.attempts + 1, work.now
        work.session.add(one)
        found.append(
            {
                "id": one.id,
                "address": one.address,
                "name": one.name,
                "subject": one.subject,
                "body": one.body,
                "calendar": one.calendar,
                "date": format_datetime(one.made_at),
            }
        )
    return found


def conclude(work: Work, results: Mapping[int, str]) -> dict[str, int]:
    """Keep what came of letters, id → error, empty where the server took it; return the counts."""
    counts = {"sent": 0, "failed": 0}
    for letter_id, error in results.items():
        row = work.one(Letter, int(letter_id), lock=True)
        row.error = error
        if error:
            counts["failed"] += 1
            if error.startswith("5"):  # for good: no later try would be taken either
                row.attempts = TRIES
        else:
            row.sent_at = work.now
            counts["sent"] += 1
        work.session.add(row)
    return counts


def again(work: Work, letter_id: int) -> Letter:
    """Let a letter that was given up, or waits for its next try, be tried at once."""
    row = work.one(Letter, letter_id, lock=True)
    if row.sent_at is not None:
        raise NotFoundError("not-found", kind="Letter", key=str(letter_id))
    row.attempts, row.tried_at = 0, None
    work.session.add(row)
    return row


def message(letter: Mapping[str, Any], server: Server) -> EmailMessage:
    """Return a letter as a message; its calendar goes along as an .ics file."""
    mail = EmailMessage()
    domain = server.sender.rpartition("@")[2]
    mail["From"] = server.sender
    mail["To"] = formataddr((letter["name"], letter["address"]))
    mail["Subject"] = letter["subject"]
    mail["Date"] = letter["date"]
    mail["Message-ID"] = f"<letter-{letter['id']}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter["body"], cte="base64")  # every server takes seven bits
    if letter["calendar"]:
        mail.add_attachment(
            letter["calendar"].encode(), maintype="text", subtype="calendar", filename="review.ics"
        )
    return mail


def deliver(letters: Sequence[Mapping[str, Any]], server: Server) -> dict[int, str]:
    """Hand letters to the server; return id → error, empty where it was taken.

    An error begins with the server's status code where it gave one. What breaks the connection
    counts for every letter that is left.
    """
    results: dict[int, str] = {}
    try:
        with _connect(server) as connection:
            for letter in letters:
                results[letter["id"]] = _hand_over(connection, letter, server)
    except (OSError, smtplib.SMTPException) as error:
        # 4xx: whatever the server said to us as a sender, the letters themselves aren't at fault.
        fault = f"connection: {_words(error)}"
        results |= {one["id"]: fault for one in letters if one["id"] not in results}
    return results


def _connect(server: Server) -> smtplib.SMTP:
    context = ssl.create_default_context()
    name = socket.gethostname()
    if server.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, local_hostname=name, timeout=TIMEOUT, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=TIMEOUT)
        connection.ehlo()
        if connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
        elif server.password and server.host not in LOOPBACK:
            connection.close()
            raise smtplib.SMTPNotSupportedError("no TLS: the password is not sent in the clear")
    if server.user:
        connection.login(server.user, server.password)
    return connection


def _hand_over(connection: smtplib.SMTP, letter: Mapping[str, Any], server: Server) -> str:
    if "@" not in letter["address"] or not letter["address"].isprintable():
        return "501 no mail address"
    try:
        connection.send_message(message(letter, server))
    except smtplib.SMTPRecipientsRefused as error:
        status, text = next(iter(error.recipients.values()))
        return f"{status} {text.decode('utf-8', 'replace')}"[:300]
    except smtplib.SMTPResponseException as error:
        return f"{error.smtp_code} {_words(error)}"[:300]
    except ValueError as error:  # a header that no message can have
        return f"501 {error}"[:300]
    return ""


def _words(error: Exception) -> str:
    said = getattr(error, "smtp_error", b"")
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return (text or f"{type(error).__name__}: {error}")[:280]


def send_claimed(given: Any, _progress: Any) -> dict[int, str]:
    """Deliver claimed letters in a job's own process; the server is the environment's."""
    server = Server.from_environment()
    if server is None:
        raise WorkflowError("no-smtp")
    return deliver(given, server)
