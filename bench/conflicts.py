"""How long the search for conflicts takes: 20,000 experts × 2,000 dossiers; the limit is 60 s.

    python bench/conflicts.py [EXPERTS DOSSIERS]

All rules run, fuzzy names included (every employer against every unit). Beside it, as a peer:
difflib of the standard library on a sample of the same pairs, by the pair.
"""

from __future__ import annotations

import difflib
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from review_service.exchange.affiliations import Affiliation
from review_service.exchange.places import PROVINCES
from review_service.workflows.conflict_rules import Person, Terms, Unit, parse_items, search
from review_service.workflows.names import core, similar_pairs

LIMIT = 60.0
FIRST, SECOND = "恒启云衡澜岳嘉拓晟锐鼎远华信中科", "岳澜衡川岱屿拓铭晖骋瑞泰安达通创"
KINDS = ("重工装备集团有限公司", "精密机械股份有限公司", "职业技术学院", "技师学院", "公共实训中心",
         "新材料科技有限公司", "机器人研究院有限公司", "智能终端有限责任公司")  # fmt: skip
CITIES = [
    "南京市",
    "苏州市",
    "济南市",
    "青岛市",
    "武汉市",
    "长沙市",
    "成都市",
    "西安市",
    "沈阳市",
    "合肥市",
]


def unit_name(dice: random.Random) -> str:
    brand = dice.choice(FIRST) + dice.choice(SECOND) + dice.choice(FIRST)
    return f"{dice.choice(CITIES)}{brand}{dice.choice(KINDS)}"


def make(experts: int, dossiers: int) -> tuple[list[Person], list[Unit]]:
    dice, provinces = random.Random(7), list(PROVINCES)
    units = [
        Unit(
            id=i, number=f"D{i}", name=unit_name(dice), credit_code=f"U{i:017d}",
            province=provinces[i % 32], prefecture=dice.choice(CITIES), head=f"王{i}",
            related=parse_items(f"{unit_name(dice)}；{unit_name(dice)}"),
            prepared=parse_items(f"李{i}（{unit_name(dice)}）"),
        )
        for i in range(dossiers)
    ]  # fmt: skip
    people = []
    for i in range(experts):
        near = dice.random() < 0.01
        employer = dice.choice(units).name if near else unit_name(dice)
        if near and dice.random() < 0.5:
            place = dice.randrange(3, len(employer) - 4)
            employer = employer[:place] + "某" + employer[place + 1 :]
        people.append(
            Person(
                id=i, number=f"E{i}", name=f"李{i}", employer=employer, credit_code="",
                province=provinces[i % 32], avoid_units=parse_items(unit_name(dice)),
                avoid_people=parse_items(f"王{dice.randrange(9 * dossiers)}"),
                affiliations=(
                    Affiliation(unit_name(dice), "职工", f"20{dice.randint(15, 26)}-01"),
                ),
            )
        )  # fmt: skip
    return people, units


def main(experts: int, dossiers: int) -> None:
    people, units = make(experts, dossiers)
    start = time.perf_counter()
    found = search(people, units, Terms(since="2023-08"))
    seconds = time.perf_counter() - start
    pairs = experts * dossiers
    print(f"{experts} experts × {dossiers} dossiers, all rules: {seconds:.1f} s, "
          f"{seconds / LIMIT:.2f} of the limit of {LIMIT:.0f} s")  # fmt: skip
    for rule, count in sorted(Counter((one.rule, one.status) for one in found).items()):
        print(f"  {rule[0]:24s} {rule[1]:10s} {count}")
    names = [one.name for one in units]
    employers = sorted({one.employer for one in people})
    start = time.perf_counter()
    alike = sum(1 for _ in similar_pairs(employers, names, 85))
    fuzzy = (time.perf_counter() - start) / (len(employers) * len(names))
    some, others = employers[:60], [core(one) for one in names[:60]]
    start = time.perf_counter()
    for name in some:
        matcher = difflib.SequenceMatcher(b=core(name), autojunk=False)
        for other in others:
            matcher.set_seq1(other)
            matcher.ratio()
    peer = (time.perf_counter() - start) / (len(some) * len(others))
    print(f"fuzzy alone: {alike} alike, {fuzzy * 1e9:.0f} ns a pair; difflib {peer * 1e9:.0f} ns: "
          f"{peer / fuzzy:.0f} times as long ({pairs * peer / 60:.0f} min for all)")  # fmt: skip


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:3]] or [20_000, 2_000]
    main(*numbers)
