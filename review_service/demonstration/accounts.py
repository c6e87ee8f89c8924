"""The demonstration's accounts, one a role, with a password that is printed for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from review_service.demonstration import applying
from review_service.demonstration.practice import TO_DRAW
from review_service.demonstration.world import PASSWORD
from review_service.settings import hash_password
from review_service.tables import Expert, Seat
from review_service.workflows.accounts import create_account
from review_service.workflows.base import SYSTEM, pk

if TYPE_CHECKING:
    from review_service.tables import Draw
    from review_service.workflows.base import Office

# (account code, address, name, role, what it is for)
PEOPLE = (
    ("ministry-1", "staff@demo.example", "王办事", "staff", "工作人员：组织遴选 · runs the round"),
    ("ministry-2", "approver@demo.example", "李审批", "approver", "审批人：复核决定 · decides"),
    ("inspection-1", "inspector@demo.example", "张监督", "inspector", "纪检：只读监督 · inspects"),
    ("admin-1", "admin@demo.example", "赵管理", "administrator", "管理员：账号管理 · accounts"),
)
EXPERT = ("expert-1", "expert@demo.example", "评审专家：打分 · scores")


def create_accounts(office: Office, draw: Draw) -> None:
    """Create one account a role; the expert is one who sits in `draw`."""
    secret = hash_password(PASSWORD)
    for code, email, name, role, _ in PEOPLE:
        office.do(
            SYSTEM, create_account, code=code, email=email, name=name, role=role,
            password_hash=secret,
        )  # fmt: skip
    with office.store.reading() as session:
        query = (
            select(Expert)
            .join(Seat, col(Seat.expert_id) == col(Expert.id))
            .where(Seat.draw_pk == draw.id, Seat.status == "accepted")
            .order_by(col(Seat.id))
        )
        expert = session.exec(query).first()
    if expert is not None:
        office.do(
            SYSTEM, create_account, code=EXPERT[0], email=EXPERT[1], name=expert.name,
            role="expert", password_hash=secret, expert_id=pk(expert),
        )  # fmt: skip
    applying.begin_applications(office, TO_DRAW[0], secret)


def account_list() -> str:
    """Return the accounts as lines to print."""
    rows = [(email, purpose) for _, email, _, _, purpose in (*PEOPLE, *applying.PEOPLE)]
    rows.append(EXPERT[1:])
    lines = [f"  {email:<24} {purpose}" for email, purpose in rows]
    title = f"演示账号，口令均为 {PASSWORD} · accounts, password {PASSWORD}:"
    return "\n".join([title, *lines])
