"""Choices of select and radio fields; the stubs of WTForms don't know the class yet."""

from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

__all__ = ["SelectChoice"]
