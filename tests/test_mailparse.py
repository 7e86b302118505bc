"""Mails as programs really write them: file names, charsets, and the short form of a report."""

from __future__ import annotations

import pytest

from duban.intake import shortform
from duban.intake.mailparse import read_mail

NAME = "会议纪要.pdf"


@pytest.mark.parametrize(
    "parameter",
    [
        b"filename*=UTF-8''%E4%BC%9A%E8%AE%AE%E7%BA%AA%E8%A6%81.pdf",
        b"filename*=gb2312''%BB%E1%D2%E9%BC%CD%D2%AA.pdf",
        b"filename*0*=UTF-8''%E4%BC%9A%E8%AE%AE;\n filename*1*=%E7%BA%AA%E8%A6%81.pdf",
        b'filename="=?UTF-8?B?5Lya6K6u57qq6KaBLnBkZg==?="',
        b'filename="=?GBK?Q?=BB=E1=D2=E9=BC=CD=D2=AA.pdf?="',
        b'filename="' + NAME.encode() + b'"',
        b'filename="' + NAME.encode("gbk") + b'"',
    ],
)
def test_chinese_file_names_however_written(parameter: bytes) -> None:
    raw = b"From: a@b.example\nContent-Type: application/pdf\nContent-Disposition: attachment; "
    found = read_mail(raw + parameter + b"\n\n%PDF-1.7\n")
    assert [file.name for file in found.files] == [NAME]


@pytest.mark.parametrize("charset", ["gb2312", "utf-8", "no-such-charset", "us-ascii", "utf-16"])
def test_text_in_a_wrong_charset_is_still_read_or_harmless(charset: str) -> None:
    head = f"From: a@b.example\nContent-Type: text/plain; charset={charset}\n\n".encode()
    found = read_mail(head + "无变化".encode("gb18030" if charset == "gb2312" else "utf-8"))
    assert charset == "utf-16" or found.text == "无变化"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("无变化\n\n联络员乙", {"nil": "1"}),
        (
            "您好：\n进展：走访\n12家\n进度：60%\n\n祝好",
            {"progress": "走访\n12家", "percent": "60%"},
        ),
        ("收到\n> 进展：引用的\n", None),
        ("收到\n-----原始邮件-----\n进展：引用的", None),
        ("进展：甲\n进展：乙", {"progress": "甲"}),
        ("没有什么变化", None),
    ],
)
def test_short_form(text: str, fields: dict[str, str] | None) -> None:
    assert shortform.read_short(text) == fields
