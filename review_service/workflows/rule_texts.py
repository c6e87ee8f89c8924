"""What pages say of each rule of recusal: its title and the line of law or notice it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Rule:
    """A rule: its code, title and basis, both languages."""

    code: str
    title_zh: str
    title_en: str
    law_zh: str
    law_en: str


_REGULATION_ZH = "《政府采购法实施条例》第九条"
_REGULATION_EN = "Government Procurement Regulations, article 9"
_TENDER_ZH = "《招标投标法》第三十七条：与投标人有利害关系的人不得参加评审"
_TENDER_EN = "Tendering and Bidding Law, article 37: interested persons don't review"
_POOL_ZH = "专家库登记事项：回避单位、回避人员"
_POOL_EN = "the expert's entry in the pool: units and people to avoid"
_ROUND_ZH, _ROUND_EN = "本轮评审规则", "the rules of this round"


def _rule(code: str, zh: str, en: str, law_zh: str, law_en: str) -> tuple[str, Rule]:
    return code, Rule(code, zh, en, law_zh, law_en)


RULES: Final[dict[str, Rule]] = dict(
    (
        _rule("same-employer-code", "同一单位（信用代码）", "Same employer (credit code)",
              f"{_REGULATION_ZH}第一项：劳动关系", f"{_REGULATION_EN}(1): employment"),
        _rule("same-employer-name", "同一单位（名称）", "Same employer (name)",
              f"{_REGULATION_ZH}第一项：劳动关系", f"{_REGULATION_EN}(1): employment"),
        _rule("similar-employer-name", "单位名称相近", "Employer's name is nearly the unit's",
              f"{_REGULATION_ZH}第一项：劳动关系，待核实",
              f"{_REGULATION_EN}(1): employment, to be looked into"),
        _rule("related-unit", "母公司或控股、实际控制单位", "Parent or controlling unit",
              f"{_REGULATION_ZH}第三项：控股股东或者实际控制人",
              f"{_REGULATION_EN}(3): controlling shareholder or actual controller"),
        _rule("employed", "期限内任职", "Employed by the unit within the window",
              f"{_REGULATION_ZH}第一项至第三项：前三年内任职",
              f"{_REGULATION_EN}(1)-(3): posts held within three years"),
        _rule("adviser", "期限内任顾问或兼职", "Adviser to the unit within the window",
              f"{_REGULATION_ZH}第五项：其他可能影响公平、公正的关系",
              f"{_REGULATION_EN}(5): other relations that may harm fairness"),
        _rule("kin", "与负责人有亲属关系", "Kin of the unit's head",
              f"{_REGULATION_ZH}第四项：夫妻、直系血亲、三代以内旁系血亲或者近姻亲",
              f"{_REGULATION_EN}(4): spouse, blood relatives, close in-laws"),
        _rule("prepared", "参与编制申报材料", "Helped prepare the application",
              _TENDER_ZH, _TENDER_EN),
        _rule("associate", "师生或合作关系", "Teacher, student or collaborator",
              f"{_REGULATION_ZH}第五项：其他可能影响公平、公正的关系",
              f"{_REGULATION_EN}(5): other relations that may harm fairness"),
        _rule("other-interest", "其他利害关系", "Another interest", _TENDER_ZH, _TENDER_EN),
        _rule("avoid-unit", "专家申请回避的单位", "A unit the expert avoids", _POOL_ZH, _POOL_EN),
        _rule("avoid-person", "专家申请回避的人员", "A person the expert avoids",
              _POOL_ZH, _POOL_EN),
        _rule("same-province", "同一推荐省份", "Of the recommending province",
              _ROUND_ZH, _ROUND_EN),
        _rule("same-prefecture", "同一推荐地市", "Of the recommending prefecture",
              _ROUND_ZH, _ROUND_EN),
        _rule("unit-request", "申报单位申请回避（已采纳）", "The unit's request, accepted",
              f"{_REGULATION_ZH}第二款：书面申请回避",
              f"{_REGULATION_EN}, second paragraph: request in writing"),
    )
)  # fmt: skip

# Facts of evidence, as pages and exports name them.
EVIDENCE: Final = {
    "employer": ("工作单位", "employer"),
    "unit": ("申报单位", "unit"),
    "credit_code": ("信用代码", "credit code"),
    "unit_code": ("申报单位信用代码", "unit's credit code"),
    "score": ("相似度", "likeness"),
    "related": ("关联单位", "related unit"),
    "affiliation": ("任职兼职", "affiliation"),
    "since": ("起算年月", "counted from"),
    "item": ("所列项", "item listed"),
    "head": ("法人代表", "legal representative"),
    "province": ("省份", "province"),
    "prefecture": ("地市", "prefecture"),
    "reason": ("理由", "reason"),
    "said": ("申报内容", "declared"),
}


def evidence_text(evidence: dict[str, Any], language: str) -> str:
    """Return evidence as one line in `zh` or `en`."""
    place, colon, comma = (0, "：", "；") if language == "zh" else (1, ": ", "; ")
    return comma.join(
        f"{EVIDENCE[name][place] if name in EVIDENCE else name}{colon}{value}"
        for name, value in evidence.items()
    )
