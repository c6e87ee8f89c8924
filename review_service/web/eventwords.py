# ruff: noqa: E501 - a sentence stands on a line of its own
"""What each kind of event is called on pages; its code stands beside, as the log has it."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from allocation.errors import AllocationError, LogError
from review_service.web.errors import sentence
from review_service.workflows.base import WorkflowError

_EVENTS = {
    "log.opened": _l("log opened"), "key.rotated": _l("signing key changed"),
    "witness.registered": _l("countersigning key registered"),
    "checkpoint.signed": _l("checkpoint countersigned"),
    "recipient.registered": _l("sealing key registered"),
    "identities.exported": _l("identities taken out"),
    "token.created": _l("API token made"), "token.revoked": _l("API token revoked"),
    "account.role_changed": _l("role given"), "account.opened": _l("account opened"),
    "account.change_proposed": _l("change of an account proposed"),
    "account.change_decided": _l("change of an account decided"),
    "account.deactivated": _l("account switched off"),
    "account.reactivated": _l("account switched on again"),
    "account.access_renewed": _l("access to an account renewed"),
    "account.password_changed": _l("password changed"),
    "account.second_factor_changed": _l("second factor changed"),
    "account.recovery_codes_changed": _l("recovery codes changed"),
    "account.signed_out_everywhere": _l("signed out everywhere"),
    "account.view_allowed": _l("looking in allowed"),
    "account.view_withdrawn": _l("looking in no longer allowed"),
    "account.view_started": _l("looking in begun"), "account.view_ended": _l("looking in ended"),
    "application.submitted": _l("application submitted"),
    "application.returned": _l("application sent back for correction"),
    "application.declined": _l("application declined"),
    "application.reconsidered": _l("application taken up again"),
    "application.recommended": _l("application recommended"),
    "application.withdrawn": _l("application withdrawn by its unit"),
    "application.seal_checked": _l("name on the seal page checked"),
    "recommendation.made": _l("recommendation made"),
    "papers.received": _l("paper originals received"),
    "dossiers.received": _l("dossiers taken over by the ministry"),
    "calibration.recused": _l("recused from a calibration dossier"),
    "deadline.extended": _l("deadline extended"), "reminder.sent": _l("reminder sent"),
    "rubric.frozen": _l("rubric frozen"),
    "round.created": _l("round made"), "round.changed": _l("draft of a round changed"),
    "round.opened": _l("round opened"),
    "round.closed": _l("scoring closed"), "round.archived": _l("round archived"),
    "names.unsealed": _l("names unsealed"),
    "pool.imported": _l("pool imported"), "pool.changed": _l("pool changed"),
    "dossiers.imported": _l("dossiers imported"), "dossier.form_taken": _l("form taken in"),
    "dossier.admitted": _l("dossier admitted"), "dossier.withdrawn": _l("dossier withdrawn"),
    "dossier.returned": _l("dossier sent back to its province"),
    "conflict.found": _l("conflicts searched"), "conflict.decided": _l("suspected conflict decided"),
    "conflict.declared": _l("conflict declared"),
    "recusal.requested": _l("recusal requested by a unit"),
    "recusal.decided": _l("request for recusal decided"),
    "commitment.given": _l("secret committed to"), "draw.rehearsed": _l("draw rehearsed"),
    "draw.locked": _l("draw locked"), "draw.revealed": _l("source revealed"),
    "draw.completed": _l("draw completed"), "draw.voided": _l("draw voided"),
    "invitation.sent": _l("invitation sent"), "seat.accepted": _l("seat accepted"),
    "seat.vacated": _l("seat vacated"), "seat.replaced": _l("seat filled anew"),
    "expert.unavailable": _l("expert not available"), "pledge.signed": _l("pledge signed"),
    "reviewing.started": _l("scoring started"), "review.submitted": _l("review submitted"),
    "review.amended": _l("amendment of a review decided"),
    "normalisation.run": _l("results computed"), "list.computed": _l("list computed"),
    "approval.proposed": _l("proposed for approval"), "approval.decided": _l("approval decided"),
    "list.published": _l("list published"), "list.final": _l("list made final"),
    "diagnosis.run": _l("reviews looked at"), "calendar.set": _l("calendar set"),
    "objection.received": _l("objection received"),
    "objection.answer_proposed": _l("answer to an objection proposed"),
    "objection.answer_decided": _l("answer to an objection decided"),
}  # fmt: skip


def event_word(kind: str) -> str:
    """Return the name of a kind of event in the language of the page; unknown codes as they are."""
    return str(_EVENTS.get(kind, kind))


_NOTES = {
    "note": _l("This is no signed checkpoint. Paste all of it: three lines, an empty line, then every line that begins with “—”."),
    "line": _l("That is no cosignature line: it begins with “—”, then the key’s name, then base64."),
    "checkpoint": _l("The first three lines of the checkpoint are damaged. Paste it again, exactly as it was printed."),
    "base64": _l("A part of what was pasted is damaged (base64). Paste it again, exactly as it was printed."),
    "signature": _l("A signature does not hold: the text was altered, or copied with mistakes."),
    "note-key": _l("It is signed by a key that this log doesn’t know. Register the key first, or check where the checkpoint came from."),
    "note-unsigned": _l("The log itself has not signed this; it proves nothing."),
    "note-origin": _l("This is a checkpoint of another log."),
    "vkey": _l("That is no verifier key. It looks like name+hash+base64, on one line."),
    "cosigned": _l("This key has countersigned this checkpoint already."),
    "cosignature-kind": _l("That is the log’s own key, not a key to countersign with."),
    "recipient-form": _l("That is no age public key. It begins with age1 and stands on one line."),
    "recipient-exists": _l("This sealing key is registered already."),
    "recipient-needed": _l("Register your age public key first; names leave the service only encrypted to it."),
    "event-missing": _l("The log holds no lock or no completion of this draw. That must never happen: report it."),
    "constraint": _l("This key is registered already."),
}  # fmt: skip


def note_sentence(error: WorkflowError | AllocationError, code: str = "") -> str:
    """Return what is wrong with a checkpoint, key or line; `code` where the error's says less."""
    code = code or error.code
    known = code in _NOTES and (isinstance(error, LogError | WorkflowError))
    return str(_NOTES[code]) if known else sentence(error)
