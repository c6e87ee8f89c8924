"""The process's own log lines: one JSON object a line on stderr, without people in them.

A request is logged by its route (`/rounds/<code>`), never by its address or query string. Whatever
looks like a document number, a telephone number or an e-mail address is masked, also in tracebacks
and in lines of libraries.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_PERSONAL = re.compile(
    r"(?<!\d)\d{17}[\dXx](?!\d)"  # resident identity number
    r"|(?<!\d)(?:(?:\+|00)?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"  # mobile telephone
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # e-mail
)
_QUIET = ("waitress", "alembic", "werkzeug", "gunicorn.access")


def mask(text: str) -> str:
    """Return the text with what identifies a person replaced by `…`."""
    return _PERSONAL.sub("…", text)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value


def mask_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Mask every value of a log line (a processor of structlog)."""
    return {key: _masked(value) for key, value in event.items()}


def configure(form: str = "json") -> None:
    """Send structlog's lines and those of every library to stderr, as `json` or as `text`.

    The time is the system's: a log line is about the process, not about a round.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Any = (
        structlog.dev.ConsoleRenderer(colors=False)
        if form == "text"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_event,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
