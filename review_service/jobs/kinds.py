"""The kinds of jobs. What runs outside a request is listed here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from review_service import mail
from review_service.workflows import computing, diagnosis, replays, results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from review_service.workflows.base import Work


@dataclass(frozen=True)
class Kind:
    """How a job is done.

    prepare   (work, arguments) → what the computation needs, picklable
    compute   "package.module:function" of (given, progress) → a picklable result; no database
    conclude  (work, arguments, result) → the outcome, JSON; runs in the job's last transaction
    """

    prepare: Callable[[Work, Mapping[str, Any]], Any]
    compute: str
    conclude: Callable[[Work, Mapping[str, Any], Any], Mapping[str, Any]]


def _fit_input(work: Work, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return results.fit_input(work, int(arguments["round_id"]))


def _keep_fit(work: Work, arguments: Mapping[str, Any], record: Any) -> dict[str, Any]:
    row = results.keep_fit(work, int(arguments["round_id"]), record)
    return {"computation": row.id, "digest": row.digest}


def _diagnosis_input(work: Work, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return diagnosis.diagnosis_input(work, int(arguments["round_id"]))


def _keep_diagnosis(work: Work, arguments: Mapping[str, Any], record: Any) -> dict[str, Any]:
    row = diagnosis.keep_diagnosis(work, int(arguments["round_id"]), record)
    return {"computation": row.id, "digest": row.digest}


def _keep_results(work: Work, arguments: Mapping[str, Any], found: Any) -> dict[str, Any]:
    return computing.keep_results(work, int(arguments["round_id"]), found)


def _repeat_input(work: Work, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return computing.repeat_input(work, int(arguments["round_id"]))


def _compare(work: Work, arguments: Mapping[str, Any], record: Any) -> dict[str, Any]:
    return computing.compare_again(work, int(arguments["round_id"]), record)


def _replay_input(work: Work, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return replays.replay_input(work, int(arguments["draw"]))


def _keep_replay(_work: Work, _arguments: Mapping[str, Any], record: Any) -> dict[str, Any]:
    return dict(record)  # the job's outcome is where it is kept


def _letters(work: Work, _arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    return mail.claim(work)


def _keep_sent(work: Work, _arguments: Mapping[str, Any], results: Any) -> dict[str, Any]:
    return dict(mail.conclude(work, results))


KINDS = {
    # The statistics of a closed round: {"round_id": …}.
    "fit": Kind(_fit_input, "review_service.workflows.results:fit_record", _keep_fit),
    # Flags, reliability and the review graph behind the newest fit: {"round_id": …}.
    "diagnosis": Kind(
        _diagnosis_input, "review_service.workflows.diagnosis:diagnosis_record", _keep_diagnosis
    ),
    # Fit, diagnosis and list of a closed round, all or none: {"round_id": …}.
    "results": Kind(_fit_input, "review_service.workflows.computing:results_record", _keep_results),
    # Fit and list computed once more and compared, nothing kept: {"round_id": …, "by": …}.
    "repeat": Kind(_repeat_input, "review_service.workflows.results:fit_record", _compare),
    # A draw run again, its bundle verified: {"draw": …, "by": …}.
    "replay": Kind(_replay_input, "review_service.workflows.replays:replay_record", _keep_replay),
    # Letters that wait, over SMTP: {}. What isn't taken is tried again by `send-mail`.
    "mail": Kind(_letters, "review_service.mail:send_claimed", _keep_sent),
}
