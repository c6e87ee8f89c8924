from __future__ import annotations

import pytest

from tests.browser.conftest import Theatre, violations
from tests.web.stage import CODE
from tests.web.test_chances import EACH, with_rules

pytestmark = pytest.mark.browser


def test_chances_are_accessible_on_a_phone_too(theatre: Theatre) -> None:
    """Axe finds nothing on the page of chances, wide in English and on a phone in Chinese."""
    with_rules(theatre.stage, EACH)
    for phone, language in ((False, "en"), (True, "zh")):
        page = theatre.enter("staff", phone=phone, language=language)
        page.goto(f"{theatre.base}/rounds/{CODE}/chances")
        assert page.locator("svg.chart rect").count() > 0
        assert violations(page) == []
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
