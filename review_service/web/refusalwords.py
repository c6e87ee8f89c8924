# ruff: noqa: E501 - a sentence stands on a line of its own
"""The sentences of refusals, by their codes; those of a round's rules stand in `rulewords`."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import lazy_gettext as _l

from review_service.web.rulewords import RULE_SENTENCES

# The sentence of each refusal; its facts are put in by name. What only a command meets, or tells of
# a damaged store, has none: a page then asks to report it.
SENTENCES: Final[dict[str, Any]] = {
    "change-open": _l("A change of this account waits for a decision already."),
    "own-account": _l("Nobody changes the own account here; ask another person."),
    "role-unchanged": _l("The account has this role already."),
    "role-unknown": _l("There is no role “%(role)s”."),
    "view-closed": _l("The account holder has not allowed anybody to look in, or no longer."),
    "account-exists": _l(
        "This address belongs to an account or to somebody of the expert pool; give another one."
    ),
    "account-place": _l("The account’s place is missing or unknown: %(missing)s %(province)s"),
    "account-state": _l("The account was changed meanwhile; look at it again."),
    "account-undecided": _l("A second person has not decided about this account yet."),
    "application-changed": _l(
        "This application was saved elsewhere since you opened it; nothing was overwritten."
    ),
    "application-field": _l("“%(field)s” can’t be kept as it stands; nothing was stored."),
    "application-incomplete": _l(
        "%(count)s things are missing or wrong, among them: %(first)s. Put them right first."
    ),
    "application-lies-with": _l(
        "The application now lies elsewhere (%(level)s); it can’t be changed here."
    ),
    "application-not-submitted": _l("Only an application that was submitted can be withdrawn."),
    "application-sector": _l("No panel takes the sector “%(sector)s”; there are: %(known)s."),
    "attempts-exceeded": _l("Too many tries; wait %(minutes)s minutes."),
    "attachment-count": _l("An application has at most %(limit)s files of evidence."),
    "attachment-damaged": _l("The file %(name)s is damaged; save it again."),
    "attachment-empty": _l("Choose a file; an empty one is not taken."),
    "attachment-extension": _l(
        "The name of %(name)s doesn’t fit its content, which is %(expected)s."
    ),
    "attachment-kind": _l(
        "%(name)s is none of PDF, Word (.docx, without macros), PNG and JPEG; it was not taken."
    ),
    "attachment-only-pdf": _l("The stamped report must be a PDF; %(name)s is none."),
    "attachment-section": _l("There is no section %(section)s."),
    "attachment-size": _l("The file is larger than %(limit)s MB."),
    "attachment-twice": _l("%(name)s stands beside this section already."),
    "deadline-past": _l("The %(level)s’s deadline passed on %(last)s; nothing was submitted."),
    "draw-made": _l("A draw was made in this round; no more dossiers can come in."),
    "origin-changed": _l(
        "%(variable)s is “%(given)s”, but this log was opened as “%(logged)s”; set that name again, or no checkpoint holds."
    ),
    "papers-copies": _l("Say how many copies came in, from 1 to %(limit)s."),
    "papers-date": _l("Give the day on which the papers came in, not in the future."),
    "papers-exception": _l("Choose the kind of exception."),
    "papers-missing": _l(
        "Dossier %(dossier)s is admitted when %(copies)s paper copies are in, or by a reasoned exception."
    ),
    "papers-place": _l("Say where the papers are kept."),
    "rank-gap": _l("No application has rank %(rank)s; ranks run 1, 2, 3 without gaps."),
    "rank-number": _l("The rank of %(unit)s must be a number from 1 on."),
    "rank-twice": _l("Rank %(rank)s stands twice: %(units)s."),
    "rank-used": _l(
        "Rank %(rank)s (%(unit)s) is taken by one that was recommended before; go on after it."
    ),
    "recommend-none": _l("There is nothing here to recommend."),
    "recommend-unranked": _l(
        "Without a rank: %(units)s. Rank them, send them back or decline them first."
    ),
    "seal-differs": _l(
        "The seal says “%(seal)s”, the form “%(unit)s”; both must be the same. Send the form back."
    ),
    "seal-unchecked": _l("The seal has not been checked against the form’s name: %(units)s."),
    "text-character": _l("A character that can’t be kept stands in the text: %(character)s."),
    "text-long": _l("The text is longer than %(limit)s characters."),
    "unit-twice": _l("%(unit)s (%(credit_code)s) stands in this round already."),
    "view-count": _l("At most %(limit)s views are kept; forget one first."),
    "view-name": _l("Give the view a name of at most 40 characters."),
    "already-decided": _l("That was decided already."),
    "already-revealed": _l("“%(source)s” has been revealed already."),
    "amendment-open": _l("A change of this review waits for a decision already."),
    "answer-by-past": _l("The time to answer by lies in the past."),
    "approval-needed": _l("A second person must approve this very list first."),
    "base64": _l("That is no base64."),
    "beacon": _l("The signature of beacon round %(round)s does not verify; look it up again."),
    "beacon-form": _l("That is no signature of beacon round %(round)s."),
    "beacon-past": _l("Beacon round %(round)s is not in the future; choose a later one."),
    "calendar-both": _l("%(day)s stands among the holidays and among the worked days."),
    "calendar-day": _l("“%(text)s” is no day like 2026-10-01."),
    "calendar-long": _l("The calendar has %(count)s days, more than %(limit)s."),
    "calibration-first": _l("Submit the calibration dossiers first; the others open after them."),
    "calibration-shown": _l(
        "Your panel has seen how far apart its calibration scores lie; they are no longer changed."
    ),
    "checkpoint-needed": _l("Sign a checkpoint of the log first; the bundle is pinned by it."),
    "commitment": _l(
        "That is not the secret “%(party)s” committed to. Check it character by character; nothing was changed."
    ),
    "commitment-form": _l("A commitment is 64 characters of 0–9 and a–f."),
    "commitment-given": _l("“%(party)s” has committed already; a commitment is never changed."),
    "commitment-missing": _l("“%(party)s” has not committed to a secret yet."),
    "conflict-status": _l("Only a suspected conflict, or one decided by staff, can be decided."),
    "conflicts-undecided": _l(
        "%(count)s suspected conflicts must be confirmed or dismissed first."
    ),
    "constraint": _l("The database refused that; nothing was changed."),
    "cosignature-kind": _l("That is not a witness key."),
    "cosigned": _l("This key has countersigned already."),
    "document-taken": _l("The expert %(number)s has this document already."),
    "dossier-brought-in": _l(
        "Dossier %(dossier)s came by a file, not from a province through the system; bring in the corrected file instead."
    ),
    "dossier-of-another-round": _l("Dossier %(dossier)s is of another round."),
    "dossier-status": _l("Dossier %(dossier)s is “%(status)s”; nothing was changed."),
    "dossiers-settled": _l(
        "These dossiers are admitted or withdrawn and can’t be replaced: %(numbers)s."
    ),
    "draw-open": _l("A draw is locked and not yet completed; finish it or void it first."),
    "draw-stands": _l("The draw %(draw_id)s counts; a second one of the panels is not possible."),
    "draw-status": _l("This draw is “%(status)s”; nothing can be changed."),
    "event-past": _l("“%(name)s” is not in the future; choose a later event."),
    "expert-field": _l("“%(field)s” can’t be kept as it stands; nothing was changed."),
    "extension-earlier": _l("More time must end later than now, and later than the end so far."),
    "fit-needed": _l("Compute the adjusted results first."),
    "fit-outdated": _l("Reviews have changed since; compute again."),
    "form-issues": _l("The form has %(count)s faults; put them right first."),
    "form-unit": _l(
        "The form is of “%(form)s”, the dossier of “%(dossier)s”; the names must agree."
    ),
    "hex": _l("Only the characters 0–9 and a–f can stand here, an even number of them."),
    "invitation-over": _l("This link has been used or its time has run out."),
    "job-status": _l("This work has not failed; it can’t be begun again."),
    "just-reminded": _l("A reminder went out within the last twelve hours."),
    "key-form": _l(
        "Write the numbers in ascending order, each with a point after it, groups ended by “/”: 2.5.8.10.12./"
    ),
    "key-kind": _l("That is no witness key of type 4."),
    "key-order": _l("The numbers %(group)s are not in ascending order."),
    "level": _l("That is no level of the scale."),
    "list-needed": _l("Compute the list first."),
    "list-open": _l("Still open on the list: %(ids)s."),
    "log-size": _l("The log has %(most)s events; there is no size %(size)s."),
    "nfc": _l("A text holds characters in parts (such as a letter and its accent); type it anew."),
    "no-seats": _l("The round has no panel, so there is nothing to draw."),
    "no-smtp": _l("No mail server is named (REVIEW_SMTP)."),
    "nobody-to-remind": _l("Nobody is to be reminded now."),
    "not-for-role": _l("Only the expert can do this."),
    "no-panels": _l("The round has no panels yet."),
    "no-reviews": _l("No review was submitted yet."),
    "no-vacancies": _l("No seat waits for a supplementary draw."),
    "no-walk": _l(
        "The seats could not be filled under the limits within 1,000 attempts; nothing of them is kept. Void this draw, and widen the limits or the pool."
    ),
    "not-all-revealed": _l("Still to be revealed: %(missing)s."),
    "not-your-dossier": _l("This dossier is not among yours."),
    "not-your-party": _l("Only “%(party)s” can do this."),
    "note": _l("That is no signature line: it begins with “—”."),
    "note-key": _l("The line is signed by a key that is not registered."),
    "nothing-open": _l("Nothing is left for this expert to do."),
    "nothing-to-draw": _l(
        "A draw needs experts and admitted dossiers: there are %(experts)s experts and %(dossiers)s dossiers."
    ),
    "no-places-vacant": _l("No place of the published list is vacant."),
    "nothing-to-draw-for": _l("The list leaves nothing open to a draw."),
    "nothing-to-settle": _l("The list leaves nothing open to a panel."),
    "objection-dossier": _l("That unit is not on the list."),
    "objection-field": _l("Something is missing: name, contact, what is objected, or the outcome."),
    "objection-files": _l("At most %(limit)s files."),
    "objection-long": _l("A text is longer than %(limit)s characters."),
    "objection-receipt": _l("There is no objection with this receipt number."),
    "objection-removes": _l("Only an upheld objection to one unit takes it off the list."),
    "objection-status": _l("This objection was answered or is being decided already."),
    "objections-closed": _l("Objections are received only during the publicity period."),
    "objections-often": _l(
        "Too many objections have come in within the hour; try again later, or write to the office."
    ),
    "objections-open": _l("Objections still to be answered: %(receipts)s."),
    "places-vacant": _l(
        "Upheld objections emptied places (%(ids)s); select again to fill them by the rules."
    ),
    "pledge-needed": _l("Sign the pledge of confidentiality first."),
    "pledge-signed": _l("You have signed the pledge already."),
    "pool-clash": _l("In these rows number and document are two different people’s: %(clashes)s."),
    "prefecture-quota": _l(
        "%(prefecture)s (%(province)s) has %(count)s dossiers, more than %(limit)s."
    ),
    "proposal-decided": _l("This proposal was decided already: %(status)s."),
    "province-quota": _l("%(province)s has %(count)s dossiers, more than %(limit)s."),
    "publicity-runs": _l("The publicity period runs until the end of %(last)s."),
    "rank-taken": _l("%(province)s has rank %(rank)s twice: %(numbers)s."),
    "reason-needed": _l("A reason is needed."),
    "reason-not-yours": _l("That reason is not yours to give."),
    "recusals-unresolved": _l("These declarations name nobody: %(issues)s."),
    "replay-large": _l(
        "So long a log isn't verified here. Take the bundle and run the verifier, or the verification page, on your own machine."
    ),
    "request-exists": _l("This request was entered already."),
    "reselection-drops": _l(
        "The rules would take their place from listed units that nobody objected to: %(ids)s."
    ),
    "review-changed": _l(
        "This form was saved elsewhere since you opened it; nothing was overwritten."
    ),
    "review-empty": _l("Nothing was scored yet for dossier %(dossier)s."),
    "review-incomplete": _l("Not scored yet: %(missing)s."),
    "review-not-submitted": _l("Only a submitted review is amended."),
    "review-submitted": _l("This review was submitted and is locked."),
    "round-exists": _l("There is a round with this code already."),
    "round-rules-unknown": _l("Unknown rules: %(keys)s."),
    "round-status": _l("This can't be done while the round is “%(status)s”."),
    "seat-status": _l("This seat is “%(status)s”; nothing was changed."),
    "seats-awaited": _l("%(count)s seats are still awaited."),
    "settlement": _l(
        "The verdicts don’t fit the places or the quotas; enter them again, and propose them anew."
    ),
    "settlement-count": _l("%(take)s of them get a place, but the verdicts take %(taken)s."),
    "settlement-drops": _l("Listed units that nobody objected to stay on the list: %(ids)s."),
    "second-person": _l("Another person must decide this."),
    "rule-unknown": _l("There is no rule of recusal “%(rule)s”."),
    "secret-missing": _l(
        "The secret in %(file)s is missing, and %(accounts)s accounts have a second factor under it; put it back."
    ),
    "secret-size": _l("A secret is 64 characters of 0–9 and a–f."),
    "sheet-older": _l(
        "Dossier %(dossier)s was saved online since the sheet was made; nothing of the sheet was taken in."
    ),
    "surrogate": _l("A text holds a character that can’t be kept; type it anew."),
    "token-days": _l("A token runs from 1 to %(most)s days."),
    "token-name": _l("Say who uses the token, and for what."),
    "token-revoked": _l("The token “%(name)s” was revoked already."),
    "token-scopes": _l("Choose what the token opens."),
    "signature": _l("The signature does not hold for this checkpoint."),
    "deal": _l(
        "A balanced draw needs every panel’s dossiers fixed beforehand; these have none: %(panels)s."
    ),
    "limit-crosses-panel": _l(
        "The limit of %(max)s of one %(field)s in a panel crosses the strata of %(panels)s: exact chances could not be kept. Limit each stratum of a panel, or the whole draw, instead; or give panels one stratum, or draw by lottery."
    ),
    "limit-crosses-values": _l(
        "The limits on employer and province cross: an employer has experts inside and outside a province that has others too, so exact chances could not be kept. Give that employer a code of its own in each province, drop one of the limits, or draw by lottery."
    ),
    "no-plan": _l("The snapshot has no plan of chances yet."),
    "panel-dossiers-left": _l("%(count)s dossiers are on no panel: %(numbers)s."),
    "panel-dossiers-twice": _l("These dossiers are on more than one panel: %(numbers)s."),
    "plan": _l("The plan of chances has another form than the protocol’s; compute it again."),
    "plan-cap": _l("The plan of chances goes beyond the pair cap on panel %(panel)s."),
    "plan-capacity": _l("The plan of chances goes beyond the capacity of expert %(expert)s."),
    "plan-cell": _l(
        "The plan of chances does not fill stratum %(stratum)s of panel %(panel)s: %(seats)s seats."
    ),
    "plan-limit": _l("The plan of chances goes beyond a limit on the %(field)s."),
    "plan-pair": _l("The plan of chances names a pair that may not meet."),
    "plan-unequal": _l("The plan of chances is not the most equal one; compute it again."),
    "round-assumed": _l("The assumed variances must be numbers above 0: %(given)s."),
    "round-each": _l(
        "“each” needs seats by stratum and a capacity, whole numbers from 1: %(given)s."
    ),
    "round-each-alone": _l(
        "A panel for each dossier is drawn by the balanced method, with no other panels beside."
    ),
    "round-method": _l("There is no method “%(method)s”; there are: %(known)s."),
    "round-pair-cap": _l(
        "The pair cap must be a fraction of at most 1, [1, 2] for a half: %(given)s."
    ),
    "too-few-capped": _l(
        "%(needed)s seats can’t be filled under the pair cap of %(pair_cap)s; a pair cap of %(would_do)s would do. Concerned: %(cells)s."
    ),
    "too-few-balanced": _l(
        "%(needed)s seats can’t be filled: only %(count)s eligible experts (%(eligible)s), who can take %(seatable)s of them. No pair cap would do: add experts, raise the capacity or the limits, or take seats away. Concerned: %(cells)s."
    ),
    "too-fine": _l(
        "The chances need fractions finer than a record can hold. Raise or drop a limit that is full, use a pair cap with a smaller denominator, or split the draw by discipline."
    ),
    "too-few": _l(
        "Stratum %(stratum)s: panels %(panels)s need %(needed)s experts, only %(seatable)s can be seated (%(eligible)s eligible). Add experts of that stratum, or change the seats."
    ),
    "verdicts-incomplete": _l("A verdict is needed for each of %(needed)s."),
    "vkey": _l("That is no verifier key (name+hash+base64)."),
    **RULE_SENTENCES,
}
