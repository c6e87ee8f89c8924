"""Chinese first, English by a switch; Beijing time; documents and tables write dates their way."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import session
from flask_babel import Babel

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask

LANGUAGES = {"zh": "中文", "en": "English"}
BEIJING = ZoneInfo("Asia/Shanghai")


def language() -> str:
    """Return the language in use."""
    chosen = session.get("language", "zh")
    return chosen if chosen in LANGUAGES else "zh"


def table_time(moment: datetime | None) -> str:
    """Return a moment in Beijing time as tables write it: 2025-03-01 14:05."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M") if moment else ""


def install(app: Flask) -> None:
    """Set the languages of pages up."""
    Babel(app, locale_selector=language, default_translation_directories="")
    app.jinja_env.globals.update(language=language, LANGUAGES=LANGUAGES)
    app.jinja_env.filters["table_time"] = table_time
