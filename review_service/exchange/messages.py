"""The sentences behind the codes of this package, Chinese and English, each with what is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Whole files.
_FILES: Final = {
    "too-large": (
        "文件大小 {size} 字节，超过上限 {limit} 字节。请拆分后再上传。",
        "The file has {size} bytes, more than the {limit} allowed. Split it and upload again.",
    ),
    "empty-file": ("文件是空的。", "The file is empty."),
    "extension-differs": (
        "文件名以 {said} 结尾，内容却是 {found}。请用 Excel 打开后另存为 .xlsx 再上传。",
        "The name ends in {said} but the content is {found}. Open it in Excel, save as .xlsx.",
    ),
    "not-a-table": (
        "内容是 {found}，不是 .xlsx、.xls、.ods 或 .csv 表格。请另存为 .xlsx 再上传。",
        "The content is {found}, not an .xlsx, .xls, .ods or .csv table. Save it as .xlsx.",
    ),
    "not-a-form": (
        "内容是 {found}，不是 Word .docx 文件。请另存为 .docx 再上传。",
        "The content is {found}, not a Word .docx file. Save it as .docx.",
    ),
    "password-protected": (
        "文件设有打开密码。请取消密码后再上传。",
        "The file needs a password to open. Remove the password and upload again.",
    ),
    "macros": (
        "文件带有宏，不予读取。请另存为不带宏的 .xlsx（申报书为 .docx）。",
        "The file holds macros and is not read. Save it as .xlsx (a form as .docx) without macros.",
    ),
    "zip-bomb": (
        "压缩包声称解压后有 {size} 字节（上限 {limit}），不予打开。",
        "The archive declares {size} bytes when unpacked (limit {limit}); it is not opened.",
    ),
    "too-many-tags": (
        "文件的部分“{part}”结构异常庞大（超过 {limit} 个标记），不予读取。",
        "The file's part “{part}” is far too large to be read (more than {limit} tags).",
    ),
    "damaged": (
        "文件已损坏，无法读取（{part}）。请重新保存后上传。",
        "The file is damaged and can't be read ({part}). Save it again.",
    ),
    "entities": (
        "文件内的 {part} 含有文档类型声明，不予读取。",
        "The part {part} holds a document type declaration and is not read.",
    ),
    "too-many-cells": (
        "工作表“{sheet}”用到第 {rows} 行、第 {columns} 列，超过上限。请删除多余的行列。",
        (
            "Sheet “{sheet}” reaches row {rows} and column {columns}, beyond the limit."
            " Delete the surplus."
        ),
    ),
    "encoding": (
        "无法确定文本编码（像是 {guess}）。请另存为 UTF-8 或 GB18030 的 CSV，或 .xlsx。",
        "The text's encoding is not clear (it looks like {guess}). Save as UTF-8 or GB18030 CSV.",
    ),
    "csv-syntax": (
        "第 {row} 行不是合法的 CSV（{detail}）。",
        "Line {row} is not valid CSV ({detail}).",
    ),
    "no-sheet": (
        "没有名为“{sheet}”的工作表；文件里有：{sheets}。",
        "There is no sheet “{sheet}”; the file has: {sheets}.",
    ),
    "no-matching-sheet": (
        "找不到所需的表头。最接近的是工作表“{sheet}”，缺少：{missing}。文件里的工作表：{sheets}。",
        (
            "No sheet has the headers needed. The closest, “{sheet}”, lacks: {missing}."
            " Sheets: {sheets}."
        ),
    ),
    "mapping": (
        "列对应关系有误：{field} 指定的“{column}”不存在。",
        "The column mapping is wrong: {field} points to “{column}”, which is not there.",
    ),
}

# Sheets and rows.
_ROWS: Final = {
    "no-rows": ("表头下面没有数据。", "There are no rows below the headers."),
    "header-twice": (
        "表头“{value}”与 {other} 列重复，无法判断用哪一列。",
        "Header “{value}” repeats column {other}; it is not clear which one is meant.",
    ),
    "merged-cells": (
        "单元格 {range} 是合并的。请取消合并，每格填写。",
        "Cells {range} are merged. Unmerge them and fill every cell.",
    ),
    "formula-empty": (
        "公式没有保存结果。请在 Excel 里重新计算并保存，或粘贴为数值。",
        "The formula has no stored result. Recalculate and save in Excel, or paste as a value.",
    ),
    "formula-value": (
        "此格是公式，已取用文件中保存的结果“{value}”，公式未执行。",
        "This cell is a formula; its stored result “{value}” was taken, nothing was executed.",
    ),
    "cell-error": (
        "单元格是错误值 {error}。请改为正确内容。",
        "The cell holds the error {error}. Put in the right content.",
    ),
    "unknown-columns": (
        "以下列不认识，未读取：{headers}。",
        "These columns are not known and were not read: {headers}.",
    ),
    "other-sheets": ("未读取其他工作表：{sheets}。", "Other sheets were not read: {sheets}."),
    "encoding-read": ("文件按 {encoding} 编码读取。", "The text was read as {encoding}."),
    "required": ("必填，不能为空。", "This is required and must not be empty."),
    "duplicate-document": (
        "证件号码与第 {other} 行相同。每人只保留一行。",
        "The document number is that of row {other}. Keep one row a person.",
    ),
    "duplicate-person": (
        "姓名和工作单位与第 {other} 行相同，请核对是否同一人。",
        "Name and employer are those of row {other}; check whether it is the same person.",
    ),
    "duplicate-number": ("编号“{value}”与第 {other} 行相同。", "“{value}” repeats row {other}."),
}

# Values of cells.
_VALUES: Final = {
    "character": (
        "含有不能使用的字符 {character}（{place}）。请改用标准汉字或删去。",
        "There is a character {character} (at {place}) that can't be used. Replace or delete it.",
    ),
    "too-long": (
        "共 {length} 字，超过 {limit} 字。",
        "This has {length} characters, more than {limit}.",
    ),
    "not-text": ("应为文字，现为 {kind}。", "Text is expected here, this is a {kind}."),
    "number-destroyed": (
        "号码以数字保存，末几位已丢失，无法恢复。请把单元格设为“文本”格式后重新填写。",
        (
            "The number was stored as a numeral and its last digits are lost. Format the cell as"
            " text and type it again."
        ),
    ),
    "document-length": (
        "身份证号应为 18 位，现为 {length} 位。",
        "An identity number has 18 characters, this has {length}.",
    ),
    "document-format": (
        "身份证号应为 17 位数字加 1 位数字或 X。",
        "An identity number is 17 digits and a digit or X.",
    ),
    "document-checksum": (
        "身份证号校验位不符，请核对是否填错。",
        "The check digit of the identity number does not fit; look for a typing error.",
    ),
    "document-date": (
        "身份证号中的出生日期不存在或不合理。",
        "The birth date in the identity number does not exist or can't be.",
    ),
    "document-other": (
        "证件号码应为 5 至 20 位字母或数字。",
        "A document number has 5 to 20 letters or digits.",
    ),
    "document-area": (
        "{count} 个身份证号的地区码不在现行表中（首见于第 {first} 行），校验位均正确，已读入。",
        (
            "{count} identity numbers have an area code outside the table (first in row {first});"
            " their check digits hold and they were taken."
        ),
    ),
    "birth-needed": (
        "非居民身份证须填写出生年份。",
        "With a document other than the identity card the birth year is needed.",
    ),
    "birth-differs": (
        "出生年份与身份证号（{expected} 年）不一致。",
        "The birth year differs from the identity number's ({expected}).",
    ),
    "sex-differs": (
        "性别与身份证号（应为{expected_zh}）不一致。",
        "The sex differs from the identity number's ({expected}).",
    ),
    "credit-code": (
        "统一社会信用代码应为 18 位且校验位正确（{detail}）。",
        "A unified social credit code has 18 characters and a check digit that fits ({detail}).",
    ),
    "phone": (
        "手机应为 1 开头的 11 位数字，座机应带区号，如 010-12345678。",
        "A mobile number has 11 digits and starts with 1; a landline has an area code.",
    ),
    "email": ("邮箱格式应如 name@example.cn。", "An e-mail address looks like name@example.cn."),
    "choice": ("应为以下之一：{choices}。", "This must be one of: {choices}."),
    "integer": (
        "应为 {low} 至 {high} 的整数。",
        "This must be a whole number from {low} to {high}.",
    ),
    "number": ("应为 {low} 至 {high} 的数。", "This must be a number from {low} to {high}."),
    "date-as-number": (
        (
            "日期以数字保存：可能是 {as_1900}（1900 日期系统）或 {as_1904}（1904 日期系统）。"
            "请设为日期格式，或写成 2022-11-30。"
        ),
        (
            "The date is a bare number: {as_1900} in the 1900 system or {as_1904} in the 1904 one."
            " Format the cell as a date or write 2022-11-30."
        ),
    ),
    "date": ("日期应写成 2022-11-30 或 2022年11月30日。", "Write the date as 2022-11-30."),
    "affiliation": (
        "应写成“单位/角色/截止年月”，多项用分号隔开；角色为：{roles}。",
        "Write unit/role/year-month of the end, several separated by semicolons; roles: {roles}.",
    ),
    "item": (
        "第 {item} 项“{text}”不合要求。",
        "Item {item}, “{text}”, is not of the form asked for.",
    ),
}

# Meaning across fields and rows.
_MEANING: Final = {
    "not-senior": (
        "职称“{value}”不是高级职称。请核对；不符合条件者请把“在用”填“否”。",
        "The title “{value}” is not a senior one. Check it, or set “in use” to no.",
    ),
    "too-old": (
        "{age} 周岁，超过 {limit} 周岁。请把“在用”填“否”或删去该行。",
        "Aged {age}, more than {limit}. Set “in use” to no or delete the row.",
    ),
    "organiser-staff": (
        "工作单位是组织方（{organiser}），其工作人员不能担任专家。",
        "The employer is the organiser ({organiser}), whose staff can't be experts.",
    ),
    "rank-above-quota": (
        "排序 {value} 超过每省 {limit} 个的名额。",
        "Rank {value} is beyond the {limit} places of a province.",
    ),
    "rank-twice": (
        "{province}的第 {rank} 名与第 {other} 行重复。",
        "Rank {rank} of {province} repeats row {other}.",
    ),
    "rank-gap": (
        "{province}的排序缺第 {rank} 名。",
        "The ranks of {province} lack number {rank}.",
    ),
    "prefecture-quota": (
        "{prefecture}推荐 {count} 个，超过 {limit} 个。",
        "{prefecture} recommends {count}, more than {limit}.",
    ),
    "duplicate-unit": (
        "申报单位与第 {other} 行相同（{by}）。",
        "The unit is that of row {other} (by {by}).",
    ),
    "category-other": (
        "单位类别为“其他”时须写明。",
        "With the category “other” it must be said which.",
    ),
    "part-above-whole": (
        "{part} 大于 {whole}（{limit}）。",
        "{part} exceeds {whole} ({limit}).",
    ),
    "gate-failed": (
        "不满足{article}的数值条件：{value}，应不低于 {limit}。",
        "The numeric condition of {article} does not hold: {value}, at least {limit} is asked.",
    ),
    "unknown-expert": (
        "专家库中没有“{value}”。请填写专家库中的编号或证件号码。",
        "The pool has no “{value}”. Give the number or document number of the pool.",
    ),
    "expert-name-differs": (
        "该号码在专家库中的姓名是“{expected}”。",
        "In the pool this number belongs to “{expected}”.",
    ),
    "unknown-dossier": (
        "申报材料中没有“{value}”。",
        "No dossier is “{value}”.",
    ),
    "score-missing": (
        "未评分；缺项按缺失处理，不按零分。",
        "There is no score; missing stays missing, never zero.",
    ),
    "score-scale": (
        "分数应为 {low} 至 {high}，步长 {step}。",
        "A score is from {low} to {high} in steps of {step}.",
    ),
    "duplicate-review": (
        "该专家对该材料的评分与第 {other} 行重复。",
        "This expert's review of this dossier repeats row {other}.",
    ),
    "not-assigned": (
        "该材料未分派给该专家。",
        "This dossier was not assigned to this expert.",
    ),
    "other-rubric": (
        "评分表属于另一版标准：{found}，应为 {expected}。",
        "The sheet belongs to another rubric: {found}, not {expected}.",
    ),
}

# The Word form.
_FORM: Final = {
    "form-part-missing": (
        "申报书缺少“{label}”一栏，无法读取。",
        "The form has no “{label}”; it could not be read.",
    ),
    "form-checkbox": (
        "“{label}”应勾选且只勾选一项，现勾选 {count} 项。",
        "Exactly one box of “{label}” is to be ticked; {count} are.",
    ),
    "unit-differs": (
        "封面上的申报单位“{value}”与表内名称“{expected}”不一致，名称须与印章统一。",
        "The cover names “{value}”, the table “{expected}”; both must be the name on the seal.",
    ),
    "form-extra": (
        "申报书中有不认识的内容，未读取：{text}。",
        "The form has content that is not known and was not read: {text}.",
    ),
    "form-picture": (
        "“{label}”中有 {count} 个图片或附加对象，未读取；请作为证明材料附件上传。",
        "“{label}” holds {count} pictures or objects that were not read; upload them as evidence.",
    ),
    "form-tracked": (
        "“{label}”中有未接受的修订。请在 Word 中接受或拒绝全部修订。",
        "“{label}” has tracked changes. Accept or reject them all in Word.",
    ),
}

MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    **_FILES,
    **_ROWS,
    **_VALUES,
    **_MEANING,
    **_FORM,
}


def sentence(code: str, facts: Mapping[str, Any], language: str) -> str:
    """The sentence of `code` with its facts put in; `language` is `zh` or anything else (en)."""
    shown = {
        key: ("、" if language == "zh" else ", ").join(map(str, value))
        if isinstance(value, list | tuple)
        else value
        for key, value in facts.items()
    }
    return MESSAGES[code][0 if language == "zh" else 1].format(**shown)
