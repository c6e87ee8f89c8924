"""How Chinese names sound, for sorting and search; the pool's field stays editable."""

from __future__ import annotations

from typing import Final

from pypinyin import Style, lazy_pinyin

# Surnames that pypinyin reads by their commoner sound.
_SURNAMES: Final = {
    "单": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "区": "ou", "朴": "piao", "查": "zha",
    "盖": "ge", "尉迟": "yuchi", "万俟": "moqi", "华": "hua", "任": "ren", "燕": "yan",
    "翟": "zhai", "缪": "miao", "宓": "mi", "乐": "yue", "覃": "qin", "冼": "xian", "牟": "mou",
    "员": "yun", "逄": "pang", "种": "chong", "令狐": "linghu", "折": "she", "黑": "he",
    "召": "shao", "褚": "chu",
}  # fmt: skip


def pinyin_of(name: str) -> str:
    """Return a name's sound, surname first, without tones: `单建国` gives `shan jianguo`."""
    for length in (2, 1):
        if name[:length] in _SURNAMES:
            given = lazy_pinyin(name[length:], style=Style.NORMAL)
            return f"{_SURNAMES[name[:length]]} {''.join(given)}".strip()
    sounds = lazy_pinyin(name, style=Style.NORMAL)
    return f"{sounds[0]} {''.join(sounds[1:])}".strip() if sounds else ""
