from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from review_service.tables import Round
from tests.browser.conftest import Theatre, violations
from tests.web.stage import CODE
from tests.web.test_chances import EACH

if TYPE_CHECKING:
    from tests.web.stage import Stage

pytestmark = pytest.mark.browser


def _balanced(stage: Stage) -> None:
    stage.play("committed")
    with stage.office.store.writing() as session:
        row = session.get_one(Round, stage.round_id)
        row.rules = row.rules | EACH
        session.add(row)
        session.commit()


def test_chances_are_accessible_on_a_phone_too(theatre: Theatre) -> None:
    """Axe finds nothing on the page of chances, wide in English and on a phone in Chinese."""
    _balanced(theatre.stage)
    for phone, language in ((False, "en"), (True, "zh")):
        page = theatre.enter("staff", phone=phone, language=language)
        page.goto(f"{theatre.base}/rounds/{CODE}/chances")
        assert page.locator("svg.chart rect").count() > 0
        assert violations(page) == []
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
