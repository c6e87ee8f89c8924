"""A unit's application: kept as typed by an autosave, read as the form reads, submitted upwards.

`fields` maps the paths of the form (`exchange.form`), and of its head, to what was typed. Nothing
typed is lost for being wrong: it is read again each time, and submitting asks that all be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import col, select

from review_service.exchange import form
from review_service.exchange import values as v
from review_service.exchange.errors import BadValueError, Issue
from review_service.exchange.form_docx import FormData
from review_service.exchange.form_layout import HEAD
from review_service.tables import Account, Application, ApplicationStep, Attachment, Draw, Round
from review_service.workflows.attachments import KeptFile, attach
from review_service.workflows.base import NotFoundError, StaleError, WorkflowError, pk
from review_service.workflows.log import append
from review_service.workflows.rounds import rubric_of
from scoring.gates import GateResult, check_gates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel import Session

    from review_service.workflows.base import Work

LEVELS: Final = ("unit", "prefecture", "province", "ministry")
APPLICANTS: Final = ("local", "central", "provincial")
TYPED: Final = 100_000  # characters of one field as typed
HEAD_LABELS: Final = {**HEAD, "sector": "产业类别"}
_HEAD_PARSERS: Final[Mapping[str, v.Parser]] = {
    "unit": v.text(120),
    "credit_code": v.credit_code,
    "category": v.choice({one: one for one in form.CATEGORIES}),
    "category_other": v.text(60),
    "sector": v.text(40),
}
_NEEDED: Final = ("unit", "credit_code", "category", "sector")
PATHS: Final = (*_HEAD_PARSERS, *form.BY_PATH)


@dataclass(frozen=True)
class Reading:
    """Typed fields as read: the form's data, its sector, the gates' figures, and what is wrong.

    `issues` name fields by path; a field that can't be read counts as empty.
    """

    data: FormData
    sector: str
    indicators: Mapping[str, int | str]
    issues: tuple[Issue, ...]

    def gates(self, row: Round) -> tuple[GateResult, ...]:
        """Return how the application stands at the round's gates."""
        figures = {name: Decimal(str(value)) for name, value in self.indicators.items()}
        return check_gates(rubric_of(row), figures)


def read_fields(fields: Mapping[str, str]) -> Reading:
    """Read what was typed, by the same parsers as the Word form and the workbook."""
    issues: list[Issue] = []
    head = {
        path: _read(path, HEAD_LABELS[path], parse, fields.get(path, ""), "", issues)
        for path, parse in _HEAD_PARSERS.items()
    }
    record: dict[str, Any] = {"category_other": head["category_other"]}
    for one in form.FIELDS:
        typed = fields.get(one.path, "")
        form.put(record, one.path, _read(one.path, one.zh, one.parse, typed, one.empty, issues))
    found = {one.field for one in issues}
    missing = [path for path in _NEEDED if not head[path] and path not in found]
    issues += [Issue("required", "", field=path, header=HEAD_LABELS[path]) for path in missing]
    if head["category"] == "其他" and not head["category_other"]:
        path = "category_other"
        issues.append(Issue("category-other", "", field=path, header=HEAD_LABELS[path]))
    issues += [one for one in form.check_form(record) if one.field not in found]
    data = FormData(
        head["unit"], head["credit_code"], head["category"], head["category_other"], record
    )
    return Reading(data, head["sector"], form.indicators(record), tuple(issues))


def _read(
    path: str, label: str, parse: v.Parser, typed: str, empty: Any, issues: list[Issue]
) -> Any:
    if not typed.strip():
        return empty
    try:
        return parse(typed)
    except BadValueError as error:
        facts = {"label": label} | error.facts
        issues.append(
            Issue(error.code, "", field=path, header=label, value=typed[:60], facts=facts)
        )
        return empty


def typed_of(data: FormData, sector: str = "") -> dict[str, str]:
    """Return a form's data as somebody would type it; `read_fields` gives equal data again."""
    typed = {path: str(data.value(path) or "") for path in HEAD} | {"sector": sector}
    for one in form.FIELDS:
        value = form.get(data.application, one.path)
        if isinstance(value, bool):
            value = "是" if value else "否"
        typed[one.path] = "" if value is None else str(value)
    return typed


def sectors_of(row: Round) -> list[str]:
    """Return the sectors that the round's panels take; empty where it has no panels yet."""
    return sorted({panel["class"] for panel in row.rules["panels"]})


def begin_application(work: Work, round_id: int, account_id: int) -> Application:
    """Begin the unit's application in an open round, or return the one that it has."""
    row, account = work.one(Round, round_id), work.one(Account, account_id)
    standing = find_application(work.session, round_id, account_id)
    if standing is not None:
        return standing
    _round_takes(row)
    application = Application(
        round_id=round_id,
        account_id=account_id,
        unit=account.name,
        province=account.province,
        prefecture=account.prefecture,
        fields={"unit": account.name},
        saved_at=work.now,
    )
    work.session.add(application)
    work.session.flush()
    return application


def find_application(session: Session, round_id: int, account_id: int) -> Application | None:
    """Return the application of an account in a round."""
    query = select(Application).where(
        Application.round_id == round_id, Application.account_id == account_id
    )
    return session.exec(query).first()


def save_application(
    work: Work,
    application_id: int,
    account_id: int,
    fields: Mapping[str, str],
    *,
    version: int,
    applicant: str = "",
) -> Application:
    """Keep what was typed. `version` is the one that was read; a newer one raises StaleError.

    Fields that aren't named stay. WorkflowError "application-lies-with" where it isn't the unit's
    turn, "application-field" for a field nobody knows or a text that no database can keep.
    """
    application = _mine(work, application_id, account_id)
    if application.version != version:
        raise StaleError("application-changed", stored=application.version, read=version)
    for path, text in fields.items():
        if path not in PATHS or len(text) > TYPED or not _storable(text):
            raise WorkflowError("application-field", field=label_of(path))
    if applicant and applicant not in APPLICANTS:
        raise WorkflowError("application-field", field="applicant")
    application.fields = {**application.fields, **fields}
    application.applicant = applicant or application.applicant
    application.unit = application.fields.get("unit", "").strip()[:120] or application.unit
    application.version, application.saved_at = version + 1, work.now
    work.session.add(application)
    work.session.flush()
    return application


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return "\0" not in text


def label_of(path: str) -> str:
    """Return the form's own label of a field."""
    return form.BY_PATH[path].zh if path in form.BY_PATH else HEAD_LABELS.get(path, path[:40])


def submit_application(work: Work, application_id: int, account_id: int) -> Application:
    """Submit a complete application to the prefecture; it is locked until it comes back.

    WorkflowError "application-incomplete" counts and names what is missing or wrong,
    "deadline-past" says since when it is too late. Gates that aren't met are for the reviewers.
    """
    application = _mine(work, application_id, account_id)
    row = work.one(Round, application.round_id)
    _round_takes(row)
    check_deadline(work, row, due_level(work.session, application, "unit"))
    reading = read_fields(application.fields)
    if reading.issues:
        first = [one.header for one in reading.issues[:5]]
        raise WorkflowError("application-incomplete", count=len(reading.issues), first=first)
    check_sector(row, reading.sector)
    application.unit = reading.data.unit
    if application.seal_name != application.unit:
        forget_seal(application)
    application.stage, application.submitted_at = "prefecture", work.now
    application.sent_by = application.reason = ""
    take_step(work, row, application, "submitted", "prefecture")
    return application


def check_sector(row: Round, sector: str) -> None:
    """Refuse a sector that no panel of the round takes."""
    known = sectors_of(row)
    if known and sector not in known:
        raise WorkflowError("application-sector", sector=sector, known=known)


def attach_file(
    work: Work,
    application_id: int,
    account_id: int,
    file: KeptFile,
    *,
    section: int,
    title: str,
    pages: str,
) -> Attachment:
    """Put evidence beside a section while the application lies with the unit."""
    application = _mine(work, application_id, account_id)
    return attach(work, application, file, section=section, title=title, pages=pages)


def remove_file(work: Work, application_id: int, account_id: int, attachment_id: int) -> Attachment:
    """Take evidence away while the application lies with the unit; the file itself is kept."""
    application = _mine(work, application_id, account_id)
    row = work.one(Attachment, attachment_id, lock=True)
    if row.application_id != application.id or row.removed_at is not None:
        raise NotFoundError("not-found", kind="Attachment", key=str(attachment_id))
    row.removed_at = work.now
    work.session.add(row)
    return row


def forget_seal(application: Application) -> None:
    """Take back that the seal was checked: the name has changed since."""
    application.seal_name, application.seal_by, application.seal_at = "", "", None


def take_step(
    work: Work, row: Round, application: Application, kind: str, level: str, reason: str = ""
) -> None:
    """Record what happened to an application, and log it without saying whose it is."""
    work.session.add(application)
    work.session.add(
        ApplicationStep(
            application_id=pk(application), kind=kind, level=level, reason=reason,
            made_by=work.actor.id, made_at=work.now,
        )
    )  # fmt: skip
    body = {"round": row.code, "application": pk(application), "level": level}
    private = {"unit": application.unit, "version": application.version, "reason": reason}
    append(work, f"application.{kind}", body, subject=row.code, private=private)


def steps_of(session: Session, application_id: int) -> list[ApplicationStep]:
    """Return what happened to an application, oldest first."""
    query = select(ApplicationStep).where(ApplicationStep.application_id == application_id)
    return list(session.exec(query.order_by(col(ApplicationStep.id))))


def due_level(session: Session, application: Application, level: str) -> str:
    """Return whose deadline counts when `level` passes an application on.

    What was sent back may come again as long as the highest level that ever sent it back takes
    it; the ministry has no deadline, it takes corrections until the draw is locked.
    """
    query = select(ApplicationStep.level).where(
        ApplicationStep.application_id == application.id, ApplicationStep.kind == "returned"
    )
    senders = [LEVELS.index(target) + 1 for target in session.exec(query)]
    return LEVELS[max([LEVELS.index(level), *senders])]


def deadline_of(row: Round, level: str) -> datetime | None:
    """Return the last moment for a level to submit, None where the round sets none."""
    text = row.rules.get("deadlines", {}).get(level)
    return datetime.fromisoformat(text) if text else None


def check_deadline(work: Work, row: Round, level: str) -> None:
    """Refuse what comes too late for a level."""
    last = deadline_of(row, level)
    if last is not None and work.now > last:
        raise WorkflowError("deadline-past", level=level, last=last.isoformat())


def _round_takes(row: Round) -> None:
    if row.status != "open":
        raise WorkflowError("round-status", round=row.code, status=row.status, needed="open")


def _mine(work: Work, application_id: int, account_id: int) -> Application:
    """Return the unit's own application, locked, while it lies with the unit."""
    application = work.one(Application, application_id, lock=True)
    if application.account_id != account_id:
        raise NotFoundError("not-found", kind="Application", key=str(application_id))
    if application.stage != "unit":
        raise WorkflowError("application-lies-with", level=application.stage)
    return application


def round_takes_dossiers(work: Work, row: Round) -> None:
    """Refuse new dossiers once the round isn't open, or panels have been dealt their dossiers."""
    _round_takes(row)
    if draw_made(work.session, row):
        raise WorkflowError("draw-made", round=row.code)


def draw_made(session: Session, row: Round) -> bool:
    """Whether a draw of the round is locked or made, and not void."""
    query = select(Draw.id).where(Draw.round_id == pk(row), Draw.status != "voided")
    return session.exec(query).first() is not None
