"""Rows and their constraints. Rows carry no behaviour; meaning is checked in workflows and cores.

`from __future__ import annotations` would break SQLModel's relationships and is kept out.
Records that are hashed (rubric, snapshot, result, events) are stored as canonical text, so that
the bytes that were digested are the bytes that are kept.
"""

from review_service.tables.applying import (
    Application,
    ApplicationStep,
    Attachment,
    PaperReceipt,
    Recommendation,
    SavedView,
)
from review_service.tables.columns import Utc
from review_service.tables.draws import (
    Commitment,
    Draw,
    DrawExpert,
    DrawSource,
    Invitation,
    Letter,
    Seat,
)
from review_service.tables.imports import BatchChange, ColumnMapping, ImportBatch
from review_service.tables.log import Checkpoint, LogEvent, LogHead, LogNode, Recipient, Witness
from review_service.tables.people import (
    Account,
    AccountChange,
    AccountRole,
    ApiToken,
    EndedSession,
    Passkey,
    Role,
    SignInAttempt,
    SignInLink,
    ViewConsent,
)
from review_service.tables.results import (
    Approval,
    CalendarDay,
    Computation,
    Objection,
    ObjectionFile,
)
from review_service.tables.reviews import Extension, Pledge, Reminder, Review
from review_service.tables.rounds import Conflict, Dossier, Expert, RecusalRequest, Round
from review_service.tables.work import Job

__all__ = [
    "Account",
    "AccountChange",
    "AccountRole",
    "ApiToken",
    "Application",
    "ApplicationStep",
    "Approval",
    "Attachment",
    "BatchChange",
    "CalendarDay",
    "Checkpoint",
    "ColumnMapping",
    "Commitment",
    "Computation",
    "Conflict",
    "Dossier",
    "Draw",
    "DrawExpert",
    "DrawSource",
    "EndedSession",
    "Expert",
    "Extension",
    "ImportBatch",
    "Invitation",
    "Job",
    "Letter",
    "LogEvent",
    "LogHead",
    "LogNode",
    "Objection",
    "ObjectionFile",
    "PaperReceipt",
    "Passkey",
    "Pledge",
    "Recipient",
    "Recommendation",
    "RecusalRequest",
    "Reminder",
    "Review",
    "Role",
    "Round",
    "SavedView",
    "Seat",
    "SignInAttempt",
    "SignInLink",
    "Utc",
    "ViewConsent",
    "Witness",
]
