"""Papers about the list: the approval list (审批名单), the notice (公示), a unit's feedback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from review_service.exchange.documents import Paper, chinese_date

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime


@dataclass(frozen=True)
class ListedUnit:
    """A unit on the list as papers show it."""

    number: str
    unit: str
    category: str
    province: str
    adjusted: float
    expected_rank: float | None
    reason: str


@dataclass(frozen=True)
class ListFacts:
    """What papers about a list have in common: the round, its units in order, its digests."""

    title: str
    office: str
    made: datetime
    units: Sequence[ListedUnit]
    record: str
    fit: str


@dataclass(frozen=True)
class Revision:
    """What a list published again changes: when the first was, units taken off and come in."""

    first: date
    removed: Sequence[str]
    added: Sequence[str]


@dataclass(frozen=True)
class UnitFacts:
    """What a unit is told of its own dossier; figures are on the scale 0 to 100."""

    title: str
    office: str
    made: datetime
    number: str
    unit: str
    reviews: int
    raw: float
    adjusted: float
    low: float
    high: float
    outcome: str
    reasons: Sequence[str]
    chapters: Sequence[tuple[str, float | None, float | None]]
    gates: Sequence[tuple[str, str, str, str]]


def approval_list(facts: ListFacts, decisions: Sequence[tuple[str, str, str, str]]) -> bytes:
    """Return the list to approve, with how it came about and lines to sign on.

    `decisions` are (matter, proposed by, decided by, reason) of what people decided.
    """
    paper = Paper(f"{facts.title}审批名单", facts.made)
    paper.text(
        f"根据专家独立评分、统计校正和本轮既定规则，拟列入名单的单位共{len(facts.units)}家，"
        "按期望名次排列如下，请审批。"
    )
    paper.table(
        ("序号", "单位", "类别", "省份", "校正分", "期望名次", "列入依据"),
        [
            (
                str(place), one.unit, one.category, one.province, f"{one.adjusted:.2f}",
                "—" if one.expected_rank is None else f"{one.expected_rank:.1f}", one.reason,
            )
            for place, one in enumerate(facts.units, 1)
        ],
        (1.1, 4.1, 2.5, 1.6, 1.7, 1.7, 2.9),
        size=10.5,
        right=(0, 4, 5),
    )  # fmt: skip
    if decisions:
        paper.head("集体研究和审批情况")
        paper.table(
            ("事项", "提出人", "决定人", "理由"), decisions, (3.4, 2.8, 2.8, 6.6), size=10.5
        )
    paper.small(f"名单记录摘要：{facts.record}\n统计记录摘要：{facts.fit}")
    paper.signatures(("拟稿人", "审核人", "分管负责人", "主要负责人"))
    return paper.save()


def publicity_notice(
    facts: ListFacts, first: date, last: date, contact: str, revision: Revision | None = None
) -> bytes:
    """Return the notice of publicity: the list by province, its period, how to object.

    With a `revision` it is the notice of a list published again, and says what changed and why.
    """
    again = "调整后的" if revision else ""
    paper = Paper(f"关于{facts.title}{again}拟入选名单的公示", facts.made)
    period = f"公示期为{chinese_date(first)}至{chinese_date(last)}。"
    if revision is None:
        paper.text(
            f"经组织推荐、专家评审和集体研究，拟确定{len(facts.units)}家单位入选，现予公示。{period}"
        )
    else:
        paper.text(_revised(revision))
        paper.text(
            f"本次为再次公示，调整后拟入选单位共{len(facts.units)}家，代替此前公示的名单。{period}"
        )
    paper.text(
        "公示期内，如对拟入选单位有异议，请以实名提出，写明事实和理由，并留下联系方式。"
        f"受理方式：{contact}。受理后出具回执编号，凭编号查询答复。"
    )
    paper.text("专家由随机抽取产生。每次抽取的公开核验包可在公示页面下载，任何人都可以独立复算。")
    paper.line("附：拟入选单位名单", indent=True)
    paper.close(facts.office, facts.made)
    paper.line("", spacing=14)
    paper.table(
        ("序号", "单位", "类别", "省份"),
        [(str(n), one.unit, one.category, one.province) for n, one in enumerate(facts.units, 1)],
        (1.4, 7.6, 4.0, 2.6),
        right=(0,),
    )
    paper.small(f"名单记录摘要：{facts.record}")
    return paper.save()


def _revised(revision: Revision) -> str:
    text = (
        f"拟入选名单自{chinese_date(revision.first)}起公示。公示期内收到的异议经核查属实，"
        f"{'、'.join(revision.removed)}不再列入。"
    )
    if not revision.added:
        return f"{text}按本轮既定规则，没有单位递补。"
    return f"{text}按本轮既定规则，由{'、'.join(revision.added)}递补，其余单位不变。"


def unit_feedback(facts: UnitFacts) -> bytes:
    """Return what a unit is told: its own figures beside the round's means, no expert's name."""
    paper = Paper("评审结果反馈", facts.made)
    paper.line(f"{facts.unit}：", spacing=28)
    paper.text(
        f"你单位申报{facts.title}的材料（编号{facts.number}）由{facts.reviews}名随机抽取的专家"
        f"独立评审。评审结果为：{facts.outcome}。"
    )
    paper.facts(
        (
            ("原始平均分", f"{facts.raw:.2f}"),
            ("校正分", f"{facts.adjusted:.2f}（95%区间 {facts.low:.2f} 至 {facts.high:.2f}）"),
            ("依据", "；".join(facts.reasons) or "—"),
        )
    )
    paper.head("各章得分（百分制）")
    paper.table(
        ("章", "你单位", "本轮平均"),
        [(name, _points(own), _points(mean)) for name, own, mean in facts.chapters],
        (9.6, 3.0, 3.0),
        right=(1, 2),
    )
    if facts.gates:
        paper.head("数值条件")
        paper.table(("条件", "申报", "要求", "结果"), facts.gates, (7.2, 2.8, 2.8, 2.8))
    paper.text(
        "校正分扣除了专家宽严差异的影响，原始分未作任何改动。专家姓名依规定保密。"
        "如需说明，请与组织评审的部门联系。"
    )
    paper.close(facts.office, facts.made)
    return paper.save()


def _points(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f}"
