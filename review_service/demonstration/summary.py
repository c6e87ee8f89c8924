"""What the demonstration did, in words that a minister would understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ZH = """
遴选结果（演示）
  {dossiers} 份申报材料来自 {provinces} 个地区；专家库 {experts} 人。
  抽取前排除回避关系 {conflicts} 对，其中 {suspected} 对由工作人员核实确认。
  随机抽取 {panels} 个评审组、{seats} 名专家；{declined} 人不能参加，已按抽取次序递补。
  抽取由部里、纪检和公共随机信标共同决定，任何一方都不能单独左右结果。
  收到评审 {reviews} 份；模型已去除专家个人宽严差异。
  {zone} 份材料单凭分数不能定去留，由评审组合议并说明理由，另一人批准。
  入选 {taken} 家，已公示：{first} 等。
核验
  {verdict}
  核验包：{bundle}（用 {verifier} 可在任何电脑上离线核验）"""

EN = """
The selection (demonstration)
  {dossiers} dossiers from {provinces} regions; {experts} experts in the pool.
  Before the draw, {conflicts} conflicting pairs were excluded, {suspected} after a check by staff.
  Drawn at random: {panels} panels, {seats} experts; {declined} could not come and were replaced
  from the same list. Ministry, inspection and a public beacon decided together; none could steer.
  {reviews} reviews came in; the model takes out how strict or lenient each expert is.
  Scores alone could not decide {zone} dossiers: a panel did, with reasons; a second person agreed.
  Selected and published: {taken}, among them {first}.
Verification
  {verdict}
  Bundle: {bundle} (checked on any computer, offline, with {verifier})"""


def summary(facts: Mapping[str, Any], bundle: Path, passed: int, failed: int) -> str:
    """Return the summary in Chinese, then English."""
    taken = facts["list"]
    common = {
        **facts,
        "taken": len(taken),
        "first": "、".join(taken[:3]),
        "bundle": bundle,
        "verifier": "allocation/verify.py",
    }
    zh = f"独立核验程序：{passed} 项通过，{failed} 项不通过。"
    en = f"The independent verifier: {passed} checks passed, {failed} failed."
    return ZH.format(**common, verdict=zh) + "\n" + EN.format(**common, verdict=en) + "\n"
