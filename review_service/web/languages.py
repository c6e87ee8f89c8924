"""Chinese first, English by a switch; Beijing time; documents and tables write dates their way."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import g, session
from flask_babel import Babel, force_locale, get_domain, get_locale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from flask import Flask

LANGUAGES = {"zh": "中文", "en": "English"}
BEIJING = ZoneInfo("Asia/Shanghai")
CATALOGUES = Path(__file__).parent.parent / "translations"


def language() -> str:
    """Return the language in use."""
    chosen = g.get("language") or session.get("language", "zh")
    return chosen if chosen in LANGUAGES else "zh"


@contextmanager
def in_chinese() -> Iterator[None]:
    """Speak Chinese inside, whatever the language of the page: official papers are Chinese."""
    before, g.language = g.get("language"), "zh"
    try:
        with force_locale("zh_Hans_CN"):
            yield
    finally:
        g.language = before


def locale() -> str:
    """Return the locale in use: the libraries keep their own Chinese under zh_Hans_CN."""
    return "zh_Hans_CN" if language() == "zh" else "en"


def large_text() -> bool:
    """Return whether pages are set in large type."""
    return bool(session.get("large_text"))


def either(row: Any, name: str) -> str:
    """Return `row.name_zh` or `row.name_en`, by the language of the page."""
    return str(getattr(row, f"{name}_{language()}"))


def table_time(moment: datetime | None) -> str:
    """Return a moment in Beijing time as tables write it: 2025-03-01 14:05."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M") if moment else ""


def document_date(moment: datetime | None) -> str:
    """Return a day in Beijing time as documents write it: 2025年3月1日."""
    if moment is None:
        return ""
    day = moment.astimezone(BEIJING)
    return f"{day.year}年{day.month}月{day.day}日" if language() == "zh" else f"{day:%-d %B %Y}"


def _catalogue() -> Any:
    """Return the catalogue in use; the library would look it up by name for every text."""
    now = get_locale()
    if now is None:  # outside of any page
        return get_domain().get_translations()
    known = g.get("catalogue")
    if known is None or known[0] is not now:
        known = g.catalogue = (now, get_domain().get_translations())
    return known[1]


def install(app: Flask) -> None:
    """Set the languages of pages up."""
    Babel(app, locale_selector=locale, default_translation_directories=str(CATALOGUES))
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # of Jinja's extension
        lambda text: _catalogue().ugettext(text),
        lambda one, many, count: _catalogue().ungettext(one, many, count),
        newstyle=True,
        pgettext=lambda context, text: _catalogue().upgettext(context, text),
        npgettext=lambda context, one, many, count: _catalogue().unpgettext(
            context, one, many, count
        ),
    )
    app.jinja_env.globals.update(
        language=language, large_text=large_text, either=either, LANGUAGES=LANGUAGES
    )
    app.jinja_env.filters.update(table_time=table_time, document_date=document_date)
