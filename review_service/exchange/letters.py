"""The letters that experts get, Chinese first, and the calendar file for the review days."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

if TYPE_CHECKING:
    from datetime import datetime

BEIJING = ZoneInfo("Asia/Shanghai")

_INVITATION = """{name}：

您在“{title}”的随机抽取中被抽为评审专家{seats}。请在{until}（北京时间）前打开下面的链接，答复是否参加：

{link}

链接只对您有效，答复后即失效。逾期未答复的，按抽取次序由下一位专家递补。请勿转发本邮件，也请勿对外透露被抽中一事。

---
Dear {name},

you were drawn at random as a reviewer for “{title}”{seats_en}.
Please answer by {until_en} (Beijing time):

{link}

The link is yours alone and ends with your answer; without one, the next expert takes {its}.
"""

_REMINDER = """{name}：

“{title}”还有{count}份材料等待您评审{until}。请登录后继续，已填内容都已保存。

---
Dear {name},

{count} dossiers of “{title}” still wait for your review{until_en}.
What you filled in is kept.
"""


def chinese(moment: datetime) -> str:
    """Return a moment in Beijing time as letters write it: 2026年3月1日 14:05."""
    local = moment.astimezone(BEIJING)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def invitation(
    name: str, title: str, link: str, answer_by: datetime, seats: int = 1
) -> tuple[str, str]:
    """Return subject and text of an invitation to one seat or several."""
    many = seats > 1
    text = _INVITATION.format(
        name=name, title=title, link=link, until=chinese(answer_by), until_en=_english(answer_by),
        seats=f"，共{seats}个席位，可逐一答复" if many else "",
        seats_en=f", on {seats} seats, each to be answered by itself" if many else "",
        its="a seat" if many else "the seat",
    )  # fmt: skip
    return f"评审邀请：{title} · Invitation to review", text


def reminder(name: str, title: str, count: int, due: datetime | None) -> tuple[str, str]:
    """Return subject and text of a reminder that `count` dossiers wait, until `due` if set."""
    text = _REMINDER.format(
        name=name,
        title=title,
        count=count,
        until=f"，截止时间为{chinese(due)}（北京时间）" if due else "",
        until_en=f", until {_english(due)} (Beijing time)" if due else "",
    )
    return f"评审提醒：{title} · Reminder", text


def calendar(title: str, uid: str, start: datetime, end: datetime, made: datetime) -> str:
    """Return an iCalendar file (RFC 5545) with the review days."""
    event = Event()
    event.add("uid", uid)
    event.add("summary", f"{title} 专家评审 · review")
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("dtstamp", made)
    file = Calendar()
    file.add("prodid", "-//review-service//CN")
    file.add("version", "2.0")
    file.add_component(event)
    return bytes(file.to_ical()).decode()


def _english(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
