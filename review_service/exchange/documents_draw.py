"""Papers about a draw: its record (抽取记录表) with the checkpoint as a QR code; experts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from review_service.exchange.documents import Paper, chinese_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True)
class DrawFacts:
    """A completed draw as its record shows it.

    `sources` are (kind, what was revealed); `seats` (panel, stratum, expert), experts by
    pseudonym, or by name once names are unsealed.
    """

    title: str
    draw_id: str
    method: str
    locked: datetime
    completed: datetime
    made: datetime
    counts: Sequence[tuple[str, str]]
    limits: Sequence[str]
    snapshot: str
    seed: str
    sources: Sequence[tuple[str, str]]
    seats: Sequence[tuple[str, str, str]]
    named: bool
    checkpoint: str


@dataclass(frozen=True)
class ExpertLine:
    """An expert on a panel, with the name behind the pseudonym."""

    panel: str
    stratum: str
    name: str
    employer: str
    title: str
    province: str
    pseudonym: str
    state: str


def draw_record(facts: DrawFacts) -> bytes:
    """Return the record of a draw to sign in the room."""
    paper = Paper("评审专家随机抽取记录表", facts.made)
    paper.facts(
        (
            ("项目", facts.title),
            ("抽取编号", facts.draw_id),
            ("方式", facts.method),
            ("锁定时间", chinese_time(facts.locked)),
            ("抽取时间", chinese_time(facts.completed)),
            *facts.counts,
            ("限制条件", "；".join(facts.limits) or "无"),
            ("锁定内容摘要", facts.snapshot),
            *facts.sources,
            ("随机种子", facts.seed),
        )
    )
    paper.head("抽取结果" if facts.named else "抽取结果（姓名尚未解封，以代号表示）")
    paper.table(("评审组", "类别", "专家"), facts.seats, (2.0, 3.0, 10.6), size=10.5)
    paper.text(
        "在场人员确认：专家名单和规则在各方公布随机数之前锁定，抽取过程在场人员共同见证，"
        "结果未作任何改动。"
    )
    paper.signatures(("主持人", "组织单位", "纪检监督", "见证人"))
    if facts.checkpoint:
        paper.line("", spacing=14)
        paper.head("日志检查点")
        paper.qr(facts.checkpoint)
        paper.small(facts.checkpoint)
    return paper.save()


def expert_list(title: str, lines: Sequence[ExpertLine], made: datetime) -> bytes:
    """Return the experts with their names; only for rounds whose names are unsealed."""
    paper = Paper(f"{title}评审专家名单", made, landscape=True)
    paper.table(
        ("序号", "评审组", "类别", "姓名", "工作单位", "职称", "省份", "代号", "情况"),
        [
            (
                str(n), one.panel, one.stratum, one.name, one.employer, one.title, one.province,
                one.pseudonym, one.state,
            )
            for n, one in enumerate(lines, 1)
        ],
        (1.2, 1.7, 2.2, 2.0, 5.2, 2.7, 1.7, 3.6, 2.2),
        size=10.5,
        right=(0,),
    )  # fmt: skip
    paper.signatures(("经办人", "纪检监督"))
    return paper.save()
