"""What the exchange tests build files from: people with check digits that fit, raw workbooks."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import xlsxwriter
from stdnum.cn import ric

HEADERS = ["姓名", "证件号码", "工作单位", "专业类别", "省份"]


def identity(serial: int = 1, born: str = "19700115", area: str = "110101") -> str:
    """Return an identity number whose check digit fits; an odd serial is a man's."""
    body = f"{area}{born}{serial:03d}"
    return body + str(ric.calc_check_digit(f"{body}0"))


def person(number: int = 0, **changes: Any) -> list[Any]:
    """Return a row under HEADERS."""
    values = {
        "姓名": "单建国", "证件号码": identity(number * 2 + 1), "工作单位": f"某学院{number}",
        "专业类别": "技能培训", "省份": "江苏省",
    } | changes  # fmt: skip
    return list(values.values())


def xlsx(rows: list[list[Any]], sheet: str = "专家库", **also: list[list[Any]]) -> bytes:
    """Return an .xlsx with the rows: texts as text, numbers as numbers; `also` adds sheets."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        for name, content in {sheet: rows, **also}.items():
            table = book.add_worksheet(name)
            for row, values in enumerate(content):
                for column, value in enumerate(values):
                    if isinstance(value, str):
                        table.write_string(row, column, value)
                    else:
                        table.write(row, column, value)
    return stream.getvalue()


def repacked(data: bytes, changes: dict[str, bytes]) -> bytes:
    """Return a zip with some parts replaced or added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        parts = {name: old.read(name) for name in old.namelist()} | changes
        for name, content in parts.items():
            new.writestr(name, content)
    return stream.getvalue()


def ods(content: str) -> bytes:
    """Return an .ods whose sheet `甲` has these rows (OpenDocument XML)."""
    stream = io.BytesIO()
    names = "urn:oasis:names:tc:opendocument:xmlns"
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0"/>',
        )
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{names}:office:1.0" '
            f'xmlns:table="{names}:table:1.0" xmlns:text="{names}:text:1.0">'
            f'<office:body><office:spreadsheet><table:table table:name="甲">{content}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return stream.getvalue()


def ods_row(*values: str) -> str:
    """Return a row of text cells in OpenDocument XML."""
    cells = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        for value in values
    )
    return f"<table:table-row>{cells}</table:table-row>"
