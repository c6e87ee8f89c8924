"""The statistics annex (统计附件): how scores were adjusted, for everybody who asks afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from review_service.exchange.documents import Paper

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True)
class AnnexLine:
    """A dossier with its figures; None for what it doesn't have."""

    number: str
    unit: str
    reviews: int
    raw: float
    trimmed: float | None
    z: float | None
    adjusted: float
    low: float
    high: float
    rank: float | None
    chance: float | None
    state: str


@dataclass(frozen=True)
class AnnexFacts:
    """The statistics of a round; spreads are standard deviations in points."""

    title: str
    made: datetime
    mean: float
    spreads: Sequence[tuple[str, float | None]]
    noise: str
    total: int | None
    lines: Sequence[AnnexLine]
    reliability: Sequence[tuple[str, str, str]]
    flags: Sequence[tuple[str, str, str]]
    warnings: Sequence[str]
    digests: Sequence[tuple[str, str]]


def statistics_annex(facts: AnnexFacts) -> bytes:
    """Return the annex: the method in words, figures of every dossier, reliability, flags."""
    paper = Paper(f"{facts.title}评分统计说明", facts.made, landscape=True)
    paper.head("一、方法")
    paper.text(
        "每个评分视为总体均值、材料质量、专家宽严和随机误差之和，用限制性极大似然法估计各部分"
        "的离散程度，再得出材料质量的最佳线性无偏预测，即校正分。区间和概率由联合后验分布给出。"
        "原始分始终保留，去掉最高最低分的均值和标准分一并列出，供对照。"
    )
    paper.text(
        f"全部评分的均值为{facts.mean:.2f}。"
        + "".join(f"{name}为{_two(value)}。" for name, value in facts.spreads)
        + ("各专家的随机误差分别估计。" if facts.noise == "expert" else "")
    )
    for text in facts.warnings:
        paper.text(f"注意：{text}")
    paper.head("二、各份材料")
    paper.table(
        ("编号", "单位", "评审数", "原始分", "去高低", "标准分", "校正分", "95%区间", "期望名次",
         f"入前{facts.total}概率" if facts.total else "入选概率", "结果"),
        [
            (
                one.number, one.unit, str(one.reviews), _two(one.raw), _two(one.trimmed),
                _two(one.z), _two(one.adjusted), f"{one.low:.2f}–{one.high:.2f}",
                "—" if one.rank is None else f"{one.rank:.1f}",
                "—" if one.chance is None else f"{100 * one.chance:.0f}%", one.state,
            )
            for one in facts.lines
        ],
        (1.9, 4.7, 1.3, 1.6, 1.6, 1.6, 1.6, 2.9, 1.7, 1.7, 1.9),
        size=9,
        right=(2, 3, 4, 5, 6, 8, 9),
    )  # fmt: skip
    if facts.reliability:
        paper.head("三、一致性")
        paper.table(("系数", "数值", "含义"), facts.reliability, (7.5, 3.0, 12.0), right=(1,))
    paper.head("四、供核查的提示")
    if facts.flags:
        paper.text("以下提示只供核查，不影响评分和名单。")
        paper.table(("提示", "专家代号", "数据"), facts.flags, (7.5, 5.0, 10.0))
    else:
        paper.text("无。")
    paper.small("\n".join(f"{name}：{digest}" for name, digest in facts.digests))
    return paper.save()


def _two(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"
