"""Letters about an account, in Chinese with English below: a link to sign in, or for a password."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime

_BEIJING = ZoneInfo("Asia/Shanghai")
_SUBJECTS = {
    "sign-in": "评审系统登录链接 · Your link to sign in",
    "password": "评审系统设置密码 · Set your password",
}
_WORDS = {
    "sign-in": (
        "请用下面的链接登录评审系统：",
        "Sign in to the review service with this link:",
        "如非您本人申请，请忽略本邮件；没有此链接，他人无法登录。",
        "If you did not ask for it, ignore this letter: without the link nobody gets in.",
    ),
    "password": (
        "请用下面的链接为您的账号设置密码：",
        "Set the password of your account with this link:",
        "如您对此不知情，请联系账号管理员。",
        "If you do not expect this, tell the account administrator.",
    ),
}


def account_letter(purpose: str, name: str, link: str, until: datetime) -> tuple[str, str]:
    """Return subject and body; `until` is when the link ends."""
    moment = until.astimezone(_BEIJING)
    chinese, english, warning, warning_english = _WORDS[purpose]
    body = (
        f"{name}：\n\n{chinese}\n{link}\n\n"
        f"链接只能使用一次，{moment:%Y年%m月%d日 %H:%M}（北京时间）前有效。{warning}\n\n"
        f"{english} It works once, until {moment:%Y-%m-%d %H:%M} (Beijing). {warning_english}\n"
    )
    return _SUBJECTS[purpose], body
