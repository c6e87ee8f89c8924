from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from review_service.tables import DrawExpert, Seat
from review_service.web import paging
from tests.web.conftest import sign_in
from tests.web.stage import CODE, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
TITLE = re.compile(r'<th scope="row">.*?</tr>', re.DOTALL)
NEXT = re.compile(r'rel="next" href="([^"]+)"')


def _walk(client: FlaskClient, url: str) -> tuple[list[list[str]], list[str]]:
    """Return the rows of each page, and the figures above each, from the first page to the last."""
    pages, figures = [], []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200
        text = answer.get_data(as_text=True)
        table = text.partition("<tbody>")[2]
        pages.append([one for one in ROW.findall(table) if TITLE.search(one)])
        figures.append("".join(re.findall(r'<span class="value">.*?</span>', text)))
        following = NEXT.search(text)
        url = following[1].replace("&amp;", "&") if following else ""
    return pages, figures


@pytest.mark.parametrize(
    "path",
    [
        "seats", "seats/now?status=awaiting", "seats?status=accepted", "progress",
        "progress?state=none", "progress/reviews", "progress/reviews?state=none", "dossiers",
        "dossiers?status=admitted",
    ],
)  # fmt: skip
def test_pages_of_a_list_hold_every_row_once(
    stages: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Page after page, with its filters, shows the rows of the whole list; figures stay whole."""
    scene = "drawn" if "awaiting" in path else "reviewing"
    client = sign_in(stages(scene), "inspector")
    url = f"/rounds/{CODE}/{path}"
    (whole,), (figure,) = _walk(client, url)
    assert len(whole) > 2
    monkeypatch.setattr(paging, "PAGE", 2)
    pages, figures = _walk(client, url)
    assert len(pages) == -(-len(whole) // 2)
    names = [re.sub(r'(id|for|action|value|href)="[^"]*"', "", one) for one in whole]
    assert [
        re.sub(r'(id|for|action|value|href)="[^"]*"', "", one) for page in pages for one in page
    ] == names
    assert set(figures) == {figure}
    beyond = client.get(f"{url}{'&' if '?' in url else '?'}page=999")
    assert beyond.status_code == 200
    assert "No " not in beyond.get_data(as_text=True).partition("<tbody>")[2][:20]


def test_a_vacated_seat_leaves_its_page_where_it_was(stage: Stage) -> None:
    """Totals, replacements and the way back are right after a seat is vacated on a later page."""
    stage.play("drawn")
    client = sign_in(stage, "staff")
    seats = f"/rounds/{CODE}/seats"
    rows = stage.rows(Seat, Seat.status == "awaiting")
    assert f"Send {len(rows)} invitations" in client.get(seats).get_data(as_text=True)
    gone = rows[-1]
    answer = client.post(
        f"{seats}/{gone.id}/vacate?status=awaiting&page=2", data={"reason": "unreachable"}
    )
    assert answer.location.endswith("/seats?status=awaiting&page=2")
    (vacated,), _ = _walk(client, f"{seats}?status=vacated")
    assert len(vacated) == 1
    new = stage.rows(Seat, Seat.replaces_id == gone.id)[0]
    assert gone.pseudonym in vacated[0]
    assert new.pseudonym in vacated[0]
    text = client.get(seats).get_data(as_text=True)
    assert f'in place of <span class="code">{gone.pseudonym}</span>' in text
    assert f"Send {len(rows) - 1} invitations" in text  # who replaces was invited at once
    named = sign_in(stage, "inspector").get(f"{seats}?status=vacated").get_data(as_text=True)
    person = stage.rows(DrawExpert, DrawExpert.pseudonym == gone.pseudonym)[0]
    assert person.name in named
