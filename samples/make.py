"""Make the sample files: a pool, dossiers, declarations of recusal, and the truth behind them.

    python samples/make.py [FOLDER]

Every unit and person is invented. Identity numbers and credit codes have check digits that fit,
but area codes (province + 9901) that no office ever issued, so that none can be anybody's; an
import says so in a notice. Mobile numbers lie in a block of zeros, mail goes to example.com.

Nothing is random: each choice is a number from SHA-256 of SEED and a counter, and so the same on
every machine and version. What is planted on purpose (`_tie`): employers that
are an applicant by credit code, by a name written otherwise, and by a name nearly the same; ties
within and before the three years; parent units; lists to avoid; helpers; dossiers below a gate.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import xlsxwriter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from samples.ratings import normal_number  # noqa: E402 - the script runs from any folder

SEED = "skills-base-2022"
EXPERTS = 640
WORDS = tomllib.loads((HERE / "words.toml").read_text(encoding="utf-8"))
PLACES, SECTORS = WORDS["places"], WORDS["sectors"]
SURNAMES, GIVEN = WORDS["surnames"].split(), WORDS["given"].split()
TITLES = [one["title"] for one in WORDS["sections"]]
CODE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


class Choices:
    """A stream of choices that depends on its label alone."""

    def __init__(self, label: str) -> None:
        self._label, self._count = label, 0

    def below(self, limit: int) -> int:
        """Return a number from 0 to limit - 1."""
        self._count += 1
        data = f"{SEED}/{self._label}/{self._count}".encode()
        return int.from_bytes(hashlib.sha256(data).digest()[:8], "big") % limit

    def between(self, low: int, high: int) -> int:
        """Return a number from low to high, both included."""
        return low + self.below(high - low + 1)

    def one(self, items: Any) -> Any:
        """Return one of the items."""
        return items[self.below(len(items))]

    def some(self, items: Any, count: int) -> list[Any]:
        """Return `count` different items, in their order."""
        left = list(range(len(items)))
        taken = {left.pop(self.below(len(left))) for _ in range(count)}
        return [items[i] for i in sorted(taken)]


def identity_number(province: str, born: dt.date, serial: int) -> str:
    """Return an 18-character number whose check digit fits (GB 11643)."""
    body = f"{PLACES[province][0]}9901{born:%Y%m%d}{serial:03d}"
    weights = [2 ** (17 - i) % 11 for i in range(17)]
    rest = sum(int(one) * weight for one, weight in zip(body, weights, strict=True)) % 11
    return body + "10X98765432"[rest]


def credit_code(kind: str, province: str, number: int) -> str:
    """Return an 18-character code whose check character fits (GB 32100); 91 firm, 12 public."""
    body = f"{kind}{PLACES[province][0]}9901{number:08d}X"
    body = body[:16] + CODE_SIGNS[number % 31]
    total = sum(CODE_SIGNS.index(one) * 3**i % 31 for i, one in enumerate(body))
    return body + CODE_SIGNS[-total % 31]


def person(choices: Choices) -> tuple[str, str]:
    """Return a name and its pinyin."""
    at = choices.below(len(SURNAMES) // 2) * 2
    name, sound = SURNAMES[at], SURNAMES[at + 1] + " "
    for _ in range(choices.one((1, 2, 2, 2))):
        at = choices.below(len(GIVEN) // 2) * 2
        name, sound = name + GIVEN[at], sound + GIVEN[at + 1]
    return name, sound


def brand(number: int) -> str:
    """Return one of a hundred invented brands."""
    first, second = WORDS["brands"]
    return f"{first[number % 10]}{second[number // 10 % 10]}"


# ---- dossiers ------------------------------------------------------------------------------


def make_dossiers() -> list[dict[str, Any]]:
    """Return the dossiers by province and rank, then two for calibration."""
    made: list[dict[str, Any]] = []
    sectors = list(SECTORS)
    for province in PLACES:
        for rank in range(1, WORDS["recommended"].get(province, 5) + 1):
            sector = sectors[len(made) % len(sectors)]
            number = f"{PLACES[province][0]}{rank:02d}"
            made.append(_dossier(number, province, rank, sector, len(made)))
    made += [
        _dossier(f"JZ{rank:02d}", "江苏", rank, sectors[rank], 900 + rank)
        | {"用途": "校准", "省份": "", "地市": ""}
        for rank in (1, 2)
    ]
    failing = {"1105": "volume", "2204": "senior", "3605": "equipment", "5304": "pass"}
    for one in made:
        _fail(one, failing.get(one["材料编号"], ""))
    return made


def _dossier(number: str, province: str, rank: int, sector: str, place: int) -> dict[str, Any]:
    choices = Choices(f"dossier/{number}")
    city = PLACES[province][1 + (rank - 1) % 3]
    occupations, branches = SECTORS[sector]["occupations"], SECTORS[sector]["branches"]
    short = city.removesuffix("市").removesuffix("区")
    name = brand(place * 7 + rank)
    category, unit, kind = choices.one((
        ("制造业龙头企业", f"{short}{name}{choices.one(branches)}集团有限公司", "91"),
        ("单项冠军企业", f"{short}{name}{choices.one(branches)}股份有限公司", "91"),
        ("专精特新“小巨人”企业", f"{short}{name}{choices.one(branches)}有限公司", "91"),
        ("技工院校", f"{short}{name}技师学院", "12"),
        ("公共实训中心", f"{short}{name}公共实训中心", "12"),
        ("其他", f"{short}{name}职业技术学院", "12"),
    ))  # fmt: skip
    head, _ = person(choices)
    level = normal_number(SEED, "quality", number)
    total = int(2600 + 500 * level + choices.below(1500))
    volumes = [max(2050, int(total * share / 100)) for share in (84, 91, 100)]
    shares = [min(60, max(21, int(28 + 5 * level) + choices.below(8))) for _ in volumes]
    facts = {
        "unit": unit, "province": province, "city": city, "sector": sector,
        "machine": SECTORS[sector]["machine"],
        "occupations": choices.some(occupations, 3), "total": max(volumes), "head": head,
    }  # fmt: skip
    row: dict[str, Any] = {
        "材料编号": number, "申报单位名称": unit,
        "统一社会信用代码": credit_code(kind, province, 10_000 + place),
        "单位类别": category, "其他类别说明": "高等职业院校" if category == "其他" else "",
        "产业类别": sector, "省份": province, "地市": city, "省内排序": rank, "用途": "参评",
        "主管单位": f"{city}人力资源和社会保障局", "申报职业": "；".join(facts["occupations"]),
        "填报时间": f"2022-11-{choices.between(14, 22)}",
        "申报单位地址": f"{city}{name}路{choices.between(1, 200)}号",
        "邮政编码": f"{PLACES[province][0]}{choices.below(10000):04d}",
        "网址": f"https://www.example.com/{number.lower()}", "法人代表姓名": head,
        "法人代表职务": "院长" if kind == "12" else "董事长",
        "法人代表手机": f"1990000{choices.below(10000):04d}",
        "法人代表电子邮箱": f"office{number.lower()}@example.com",
        "申报单位主管部门": f"{city}人力资源和社会保障局",
        "教学与实训场所建筑面积（平方米）": choices.between(60, 300) * 100,
        "教学实训设备数量（台/套）": choices.between(200, 900),
        "教学实训设备总值（万元）": 2100 + choices.below(3000) + max(0, int(600 * level)),
        "智能机器人仪器设备数量（台/套）": choices.between(5, 60),
        "智能机器人仪器设备总值（万元）": choices.between(100, 900),
        "专任教师人数": choices.between(60, 200),
        "一体化（双师型）教师人数": choices.between(20, 60),
        "高级实习指导教师": choices.between(5, 30), "一级实习指导教师": choices.between(5, 30),
        "其他职称": choices.below(20), "高级技师": choices.between(5, 25),
        "技师": choices.between(10, 40), "高级工": choices.between(5, 30),
        "其他技能等级": choices.below(10),
        "是否为技能等级认定机构": choices.one(("是", "是", "是", "否")),
        "培训评价职业（工种）": "；".join(occupations),
        "教学与实训场所年培训承载量（人次）": choices.between(22, 60) * 100,
        "有匹配实训设备的职业（工种）数": choices.between(3, 8),
        "每个职业（工种）专家数（取最少者）": choices.between(3, 6),
        "培训合格率（%）": 92 + choices.below(70) / 10,
        "企业和学员满意率（%）": 91 + choices.below(80) / 10,
    }  # fmt: skip
    if row["是否为技能等级认定机构"] == "是":
        row |= {"获批等级认定资质时间": f"20{choices.between(19, 21)}-{choices.between(1, 12):02d}",
                "等级认定资质制造类职业（工种）数量": choices.between(3, 12)}  # fmt: skip
    for year, volume, share in zip((2019, 2020, 2021), volumes, shares, strict=True):
        row[f"{year}年培训数量"], row[f"{year}年高级工及以上数量"] = volume, volume * share // 100
    if category in {"制造业龙头企业", "单项冠军企业"}:
        row["母公司及控股、实际控制单位"] = f"{province}{brand(place)}控股集团有限公司"
    for section, text in enumerate(narrative(facts, choices), 1):
        title = TITLES[section - 1]
        row[f"{section}.{title}"] = text
        first = 10 * section + choices.below(6)
        row[f"{section}.{title}证明材料页码"] = f"第{first}—{first + choices.between(2, 8)}页"
    return row


def narrative(facts: dict[str, Any], choices: Choices) -> list[str]:
    """Return the texts of the eight sections: sentences filled with a dossier's facts."""
    made = []
    for section in WORDS["sections"]:
        numbers = {
            "a": choices.between(40, 400), "b": choices.between(20, 90),
            "c": choices.between(4, 12), "d": choices.between(40, 300),
            "e": choices.between(14, 29) / 10, "f": choices.between(4, 16),
            "g": choices.between(70, 96), "h": choices.between(1, 6),
            "y": choices.between(1956, 2012),
        }  # fmt: skip
        texts = [choices.one(options) for options in section["parts"]]
        shown = facts | numbers | {"o": "、".join(facts["occupations"])}
        made.append("".join(texts).format(**shown))
    return made


def _fail(row: dict[str, Any], gate: str) -> None:
    if gate == "volume":
        row["2021年培训数量"], row["2021年高级工及以上数量"] = 1860, 520
    elif gate == "senior":
        row["2021年高级工及以上数量"] = row["2021年培训数量"] * 19 // 100
    elif gate == "equipment":
        row["教学实训设备总值（万元）"] = 1985.5
    elif gate == "pass":
        row["培训合格率（%）"] = 88.6


# ---- experts -------------------------------------------------------------------------------


def make_experts(dossiers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pool: employers of their own, then the planted ties to dossiers."""
    rows, provinces, strata = [], list(PLACES), list(WORDS["strata"])
    for number in range(1, EXPERTS + 1):
        choices = Choices(f"expert/{number}")
        province, stratum = provinces[(number - 1) % 32], strata[(number - 1) // 32 % 4]
        rows.append(_expert(number, province, stratum, choices))
    competing = [one for one in dossiers if one["用途"] == "参评"]
    _plant(rows, competing)
    return rows


def _expert(number: int, province: str, stratum: str, choices: Choices) -> dict[str, Any]:
    name, sound = person(choices)
    born = dt.date(1956, 1, 1) + dt.timedelta(days=choices.below(30 * 365))
    serial = choices.between(1, 998)
    city = PLACES[province][choices.between(1, 3)]
    short = city.removesuffix("市").removesuffix("区")
    house = choices.below(100)
    mark = brand(house)
    endings, kind = {
        "技能培训": (("工业职业学院", "高级技工学校", "工程大学"), "12"),
        "技能评价": (("职业技能鉴定指导中心",), "12"),
        "装备产业": (("工程机械研究院有限公司", "动力设备研究院", "仪表研究院有限公司"), "91"),
        "管理财务": (("会计师事务所", "管理咨询有限公司"), "91"),
    }[stratum]  # fmt: skip
    employer = f"{short}{mark}{choices.one(endings)}"
    sectors = [occupation for one in SECTORS.values() for occupation in one["occupations"]]
    digest = int.from_bytes(hashlib.sha256(employer.encode()).digest()[:4], "big")
    return {
        "编号": f"E{number:05d}", "姓名": name, "拼音": sound,
        "性别": "男" if serial % 2 else "女",
        "证件号码": identity_number(province, born, serial), "工作单位": employer,
        "单位统一社会信用代码": credit_code(kind, province, 50_000_000 + digest % 40_000_000),
        "职称": choices.one(WORDS["strata"][stratum]), "专业类别": stratum,
        "熟悉职业（工种）": "；".join(choices.some(sectors, 2)), "省份": province,
        "联系电话": f"1990000{number:04d}", "电子邮箱": f"e{number:05d}@example.com",
        "回避单位": "", "回避人员": "", "任职兼职情况": "",
        "在用": "否" if number % 97 == 0 else "是",
    }  # fmt: skip


def _plant(rows: list[dict[str, Any]], competing: list[dict[str, Any]]) -> None:
    """Tie 84 experts to dossiers, in turn in each way that the rules look for."""
    for place, row in enumerate(Choices("plant").some(rows, 84)):
        dossier = competing[place * 31 % len(competing)]
        row.update(_tie(place, row, dossier))


def _tie(place: int, row: dict[str, Any], dossier: dict[str, Any]) -> dict[str, Any]:
    """Return what changes in an expert's row (or change the dossier's list of helpers)."""
    unit, code, what = dossier["申报单位名称"], dossier["统一社会信用代码"], place % 12
    if what < 3:
        return {"工作单位": unit, "单位统一社会信用代码": code, "省份": dossier["省份"]}
    if what == 10:
        parent = dossier.get("母公司及控股、实际控制单位", row["工作单位"])
        return {"工作单位": parent, "单位统一社会信用代码": ""}
    if what == 11:
        dossier["参与编制申报材料的人员和单位"] = f"{row['姓名']}（{row['工作单位']}）"
        return {}
    return {
        3: {"工作单位": _otherwise(unit), "单位统一社会信用代码": ""},
        4: {"工作单位": _nearly(unit), "单位统一社会信用代码": "", "省份": dossier["省份"]},
        5: {"任职兼职情况": f"{unit}/职工/2025-0{1 + place % 9}"},
        6: {"任职兼职情况": f"{unit}/顾问"},
        7: {"任职兼职情况": f"{unit}/职工/2019-0{1 + place % 9}"},  # before the three years
        8: {"回避单位": unit},
        9: {"回避人员": f"{dossier['法人代表姓名']}（{unit}）"},
    }[what]


def _otherwise(unit: str) -> str:
    """Return a unit's name as somebody else would type it: traditional, full width, blanks."""
    table = str.maketrans("业东汉术机电装动师", "業東漢術機電裝動師")
    return " ".join((unit[:2], unit[2:].translate(table)))


def _nearly(unit: str) -> str:
    """Return a unit's name with one sign wrong or a department added."""
    if unit.endswith("公司"):
        return unit.replace("有限公司", "有限责任公司") + "培训部"
    return unit[:-1] + "校" if unit.endswith("学院") else unit.replace("公共", "")


# ---- recusals and truth --------------------------------------------------------------------


def make_recusals(
    experts: list[dict[str, Any]], dossiers: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return declarations: twenty of experts, two of staff, six requests of units."""
    choices = Choices("recusals")
    competing = [one for one in dossiers if one["用途"] == "参评"]
    rows = []
    for place, expert in enumerate(choices.some([e for e in experts if e["在用"] == "是"], 28)):
        reason, said = WORDS["reasons"][place % len(WORDS["reasons"])].values()
        by = "专家本人" if place < 20 else "工作人员" if place < 22 else "申报单位"
        if by == "申报单位":
            reason, said = "其他利害关系", "曾与我单位发生合同纠纷，恐影响公正评审"
        rows.append({
            "专家编号或证件号码": expert["编号"], "专家姓名": expert["姓名"],
            "材料编号或申报单位": choices.one(competing)["材料编号"], "回避事由": reason,
            "具体情况": said, "申报人": by,
        })  # fmt: skip
    return rows


def make_truth(experts: list[dict[str, Any]], dossiers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the ratings are made from (see samples/ratings.py); rounded to 4 decimals."""

    def drawn(*label: str) -> float:
        return normal_number(SEED, *label)

    people = {}
    for place, one in enumerate(experts):
        number = one["编号"]
        erratic, harsh = place % 53 == 7, place % 61 == 11
        people[number] = {
            "leniency": round(0.55 * drawn("leniency", number) - (1.8 if harsh else 0), 4),
            "slope": round(2 ** (0.18 * drawn("slope", number)), 4),
            "noise": 2.2 if erratic else round(0.7 * 2 ** (0.25 * drawn("noise", number)), 4),
        }
    quality = {one["材料编号"]: round(drawn("quality", one["材料编号"]), 4) for one in dossiers}
    return {"format": "truth/v1", "seed": SEED, "dossiers": quality, "experts": people}


# ---- files ---------------------------------------------------------------------------------


def write(path: Path, sheet: str, rows: list[dict[str, Any]]) -> None:
    """Write rows as a table: texts as text, numbers as numbers, headers as the importers know."""
    headers = list(dict.fromkeys(name for row in rows for name in row))
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        book.set_properties({"created": dt.datetime(2022, 12, 1)})  # noqa: DTZ001 - XlsxWriter's
        table = book.add_worksheet(sheet)
        table.freeze_panes(1, 0)
        for column, header in enumerate(headers):
            table.set_column(column, column, 18)
            table.write_string(0, column, header)
        for number, row in enumerate(rows, 1):
            for column, header in enumerate(headers):
                value = row.get(header, "")
                if isinstance(value, str):
                    if value:
                        table.write_string(number, column, value)
                else:
                    table.write_number(number, column, value)


def main(folder: Path) -> None:
    """Write the four files."""
    folder.mkdir(parents=True, exist_ok=True)
    dossiers = make_dossiers()
    experts = make_experts(dossiers)
    write(folder / "pool.xlsx", "专家库", experts)
    write(folder / "dossiers.xlsx", "申报材料", dossiers)
    write(folder / "recusals.xlsx", "回避申报", make_recusals(experts, dossiers))
    truth = json.dumps(make_truth(experts, dossiers), ensure_ascii=False, indent=1)
    (folder / "truth.json").write_text(f"{truth}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
