from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from sqlmodel import select

from review_service import crypto
from review_service.office import make_office
from review_service.operation import copying
from review_service.operation.columns import (
    require_openable,
    rotate_columns,
    sealed_columns,
    sealed_state,
)
from review_service.settings import Settings
from review_service.tables import Dossier, Expert, Letter, Objection

if TYPE_CHECKING:
    from review_service.storage import Store
    from tests.operation.conftest import Place

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = crypto.ColumnKeys((b"k" * 64,))
NEWER = crypto.ColumnKeys((b"n" * 64, b"k" * 64))


def _fill(store: Store, many: int) -> list[str]:
    with store.writing() as session:
        for n in range(many):
            session.add(
                Expert(
                    number=f"E{n:05}", name="王伟", document=f"TEST{n:06}", phone=f"138{n:08}",
                    employer="某学院", stratum="技术", province="江苏", updated_at=NOW,
                )
            )  # fmt: skip
        session.commit()
    with store.reading() as session:
        return list(session.exec(select(Expert.document).order_by(Expert.number)))


def _stored(store: Store, column: str = "document") -> list[str]:
    with store.engine.connect() as connection:
        query = sa.text(f"SELECT {column} FROM expert ORDER BY number")  # noqa: S608 - a test's own
        return [str(one[0]) for one in connection.execute(query)]


def test_raw_rows_hold_no_plain_text(store: Store) -> None:
    """What plain SQL reads of a document or a telephone is sealed; through the tables it opens."""
    store.use_keys(KEYS)
    documents = _fill(store, 3)
    assert documents == ["TEST000000", "TEST000001", "TEST000002"]
    raw = _stored(store) + _stored(store, "phone")
    assert all(one.startswith(f"sealed:{KEYS.newest}:") for one in raw)
    assert not any("TEST" in one or "138" in one for one in raw)
    with store.reading() as session:
        found = session.exec(select(Expert).where(Expert.document == "TEST000001")).one()
        assert found.phone == "13800000001"


def test_a_document_stays_unique_though_sealed(store: Store) -> None:
    """The unique constraint holds over sealed values: equal texts of a column seal alike."""
    store.use_keys(KEYS)
    _fill(store, 1)
    with pytest.raises(sa.exc.IntegrityError):
        _fill(store, 1)


def test_a_value_opens_in_its_own_column_alone() -> None:
    """A sealed value that is moved to another column, or changed, doesn't open."""
    sealed = KEYS.seal("expert.phone", "13800000000")
    assert sealed != KEYS.seal("expert.document", "13800000000")
    with pytest.raises(crypto.ColumnKeyError, match="column-key-damaged"):
        KEYS.open("expert.document", sealed)
    with pytest.raises(crypto.ColumnKeyError, match="column-key-damaged"):
        KEYS.open("expert.phone", sealed[:-6] + "AAAAA=")


def test_a_store_without_keys_refuses(store: Store) -> None:
    """Without the keys nothing sealed is handed out, neither opened nor as it stands."""
    store.use_keys(KEYS)
    _fill(store, 1)
    store.use_keys(None)
    with pytest.raises(crypto.ColumnKeyError, match="column-key-missing"), store.reading() as one:
        one.exec(select(Expert.document)).all()
    with pytest.raises(crypto.ColumnKeyError, match="column-key-missing"):
        require_openable(store)
    store.use_keys(crypto.ColumnKeys((b"x" * 64,)))
    with pytest.raises(crypto.ColumnKeyError, match="column-key-missing"):
        require_openable(store)


def test_rotation_is_continued_where_it_was_cut_off(store: Store) -> None:
    """Plain and older rows are sealed anew in batches; a second run takes up what is left."""
    documents = _fill(store, 5)  # plain: written before there were keys
    store.use_keys(KEYS)
    assert rotate_columns(store)["expert.document"] == 5
    store.use_keys(NEWER)

    class Stop(Exception):  # noqa: N818 - it stands for a power cut
        pass

    def cut(_name: str) -> None:
        raise Stop

    with pytest.raises(Stop):
        rotate_columns(store, batch=2, step=cut)
    prefix = f"sealed:{NEWER.newest}:"
    assert sum(one.startswith(prefix) for one in _stored(store)) == 2
    assert rotate_columns(store, batch=2)["expert.document"] == 3
    assert all(one.startswith(prefix) for one in _stored(store))
    with store.reading() as session:
        assert list(session.exec(select(Expert.document).order_by(Expert.number))) == documents
    assert rotate_columns(store) == {kind.column: 0 for _, _, kind in sealed_columns()}


def test_what_an_older_version_wrote_openly_is_sealed_by_the_upgrade(
    place: Place, request: pytest.FixtureRequest
) -> None:
    """Rows of an older revision go through the migrations, and none of their words stay readable.

    On SQLite the whole file is looked at, its free pages and journal too.
    """
    store = place.office.store
    words = ["13911112222", "链接https://a.example/L0NG", "张举报", "举报内容", "密"]
    with store.writing() as session:
        dossier = session.exec(select(Dossier)).first()
        assert dossier is not None
        dossier.application = {"legal": {"mobile": words[0]}}
        session.add(dossier)
        session.add(
            Letter(
                address="to@x.example", name="收件", subject="邀请", body=words[1], made_at=NOW,
            )
        )  # fmt: skip
        session.add(
            Objection(
                round_id=dossier.round_id, receipt="R1", name=words[2], contact="c@x.example",
                text=words[3], source="s", received_at=NOW,
            )
        )  # fmt: skip
        session.commit()
    command.downgrade(store._alembic(), "0011")
    store.close()
    url = store.url.render_as_string(hide_password=False)
    office = make_office(replace(place.settings, database=url), place.office.tools)
    with office.store.reading() as session:
        assert session.exec(select(Letter)).one().body == words[1]
        kept = session.get_one(Dossier, dossier.id)
        assert kept.application["legal"]["mobile"] == words[0]
        assert session.exec(select(Objection)).one().contact == "c@x.example"
    assert sealed_state(office.store) == (0, None)
    if "sqlite" in request.node.name:
        path = Path(str(store.url.database))
        data = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))
    else:
        with office.store.engine.connect() as connection:
            data = b"".join(
                line
                for table in copying.tables(connection)
                for line in copying.lines(connection, table)
            )
    office.store.close()
    assert not [one for one in (*words, "to@x.example", "c@x.example") if one.encode() in data]


def test_an_installation_makes_its_keys_and_misses_lost_ones(tmp_path: Path) -> None:
    """The first start makes the keys, mode 0600; where they are lost the service doesn't start."""
    settings = Settings(data=tmp_path)
    office = make_office(settings)
    _fill(office.store, 1)
    office.store.close()
    path = settings.column_key_file
    assert path.stat().st_mode & 0o777 == 0o600
    assert "TEST000000" not in "".join(_stored(office.store))
    path.rename(tmp_path / "lost")
    with pytest.raises(crypto.ColumnKeyError, match="column-key-missing"):
        make_office(settings)
    assert not path.exists()
    (tmp_path / "lost").rename(path)
    path.chmod(0o644)
    with pytest.raises(crypto.ColumnKeyError, match="column-key-file"):
        make_office(settings)
    office.store.close()
