"""Chinese first, English by a switch; Beijing time; documents and tables write dates their way."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from babel.support import NullTranslations
from flask import g, session
from flask_babel import Babel, Domain, force_locale
from markupsafe import Markup

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
    g.pop("catalogue", None)
    try:
        with force_locale("zh_Hans_CN"):
            yield
    finally:
        g.language = before
        g.pop("catalogue", None)


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


class _Catalogues(Domain):  # type: ignore[misc]  # untyped library
    """The catalogues: the library would look one up by its name for every single text."""

    def get_translations(self) -> Any:
        """Return the catalogue of the page; outside of any page one that leaves texts as is."""
        try:
            known = g.get("catalogue")
        except RuntimeError:
            return NullTranslations()
        if known is None:
            known = g.catalogue = super().get_translations()
        return known


@lru_cache(maxsize=8192)
def _said(catalogue: Any, text: str) -> Markup:
    """Return a text without places to fill, ready for a page; “%%” stands for a per cent sign."""
    return Markup(catalogue.ugettext(text)) % {}  # noqa: S704 - our own texts, as Jinja's extension


def install(app: Flask) -> None:
    """Set the languages of pages up."""
    babel = Babel(app, locale_selector=locale, default_translation_directories=str(CATALOGUES))
    catalogues = babel.domain_instance = _Catalogues()

    def say(text: str, /, **values: Any) -> Markup:
        catalogue = catalogues.get_translations()
        if not values:
            return _said(catalogue, text)
        return Markup(catalogue.ugettext(text)) % values  # noqa: S704 - as above

    # In place of the function of Jinja's extension, which makes a context anew for every text.
    app.jinja_env.globals["_"] = say
    app.jinja_env.globals.update(
        language=language, large_text=large_text, either=either, LANGUAGES=LANGUAGES
    )
    app.jinja_env.filters.update(table_time=table_time, document_date=document_date)
