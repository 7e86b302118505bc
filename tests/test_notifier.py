"""What a message says, how it is grouped and split, and to whom it goes."""

from __future__ import annotations

import email
import email.charset
import email.policy
import random
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from duban.clock import SHANGHAI
from duban.ledger.outbox import Letter
from duban.matrix.model import Holder, Unit, UnitKind
from notifier.group import group, ordered, sections
from notifier.message import Bundle, Line, Recipient
from notifier.mime import Attachment, Sender, build_mail
from notifier.render import SUBJECT_CHARS, href, md, plain, render
from notifier.route import choose
from notifier.split import parts, split_bytes

TODAY = date(2026, 11, 23)  # a Monday
NOW = datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI)


def line(key: str = "o1", **changes: Any) -> Line:
    base = Line(
        obligation=key,
        task="M-01",
        title="建立知识产权协同保护机制",
        label="2026年四季度",
        phrase="每季度最后一个月25日前",
        due_on=TODAY,
        due_text="2026年11月23日",
        status_text="今天到期",
        lamp="黄灯",
        url="http://127.0.0.1:8420/o/1",
        kind="remind",
        reason="今天到期，牵头单位",
    )
    return replace(base, **changes)


def bundle(*lines: Line, **changes: Any) -> Bundle:
    base = Bundle(
        person="联络员（待填）",
        unit_name="市市场监管局",
        unit="scjgj",
        post="liaison",
        day=TODAY,
        lines=lines or (line(),),
        office="强县建设试点工作专班办公室",
        contact="司文科 62696021",
        link="http://127.0.0.1:8420/l/abc",
        example=False,
        urgent=False,
        address="scjgj.lianluo@xinzheng.example",
    )
    return replace(base, **changes)


# What it says


def test_every_form_says_what_by_when_and_how() -> None:
    made = render(bundle())
    for form in (made.text, made.html, made.md):
        for words in ("建立知识产权协同保护机制", "2026年11月23日", "今天到期", "▲黄灯"):
            assert words in form
        assert "http://127.0.0.1:8420/l/abc" in form
        assert "司文科 62696021" in form
    assert (
        made.subject
        == "【提醒】市市场监管局：建立知识产权协同保护机制（2026年四季度），今天到期（11月23日）"
    )


def test_subject_counts_and_names_the_weightiest_kind() -> None:
    late = line("o2", due_on=TODAY - timedelta(days=3), kind="urge", status_text="逾期3天")
    subject = render(bundle(late, line(), urgent=True)).subject
    assert subject == "【加急催办】市市场监管局：2件待办，1件已逾期，1件今天到期（11月23日）"
    assert len(render(bundle(line(status_text="很" * 99))).subject) == SUBJECT_CHARS


def test_the_example_says_so_everywhere() -> None:
    made = render(bundle(example=True))
    assert all("示例数据" in form for form in (made.subject, made.text, made.html, made.md))
    assert "示例数据" not in render(bundle()).html


def test_without_a_link_the_office_is_the_way() -> None:
    made = render(bundle(link="", contact=""))
    assert all("办公室代为登记" in form for form in (made.text, made.html, made.md))


class Tags(HTMLParser):
    """Collects the tags and links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.links += [value or "" for key, value in attrs if key == "href"]


def test_a_hostile_title_stays_text_in_html() -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=y>{{ 7*7 }}'
    page = Tags(render(bundle(line(title=evil, url="javascript:alert(1)", reason=evil))).html)
    assert not page.names & {"script", "img"}
    assert all(link.startswith("http://127.0.0.1:8420/") for link in page.links)


def test_mentions_links_and_markup_do_nothing_in_a_bot() -> None:
    evil = "@all <@all> **急** [点我](http://evil.example) # x `y` \n> z"
    said = render(bundle(line(title=evil))).md
    mine = said.replace("[点这里填报](http://127.0.0.1:8420/l/abc)", "")
    assert not re.search(r"@|<|>|\]\(|://|`", mine.replace("**", ""))
    assert "＠all" in mine


def test_filters_take_out_what_cannot_be_seen() -> None:
    assert plain("a\u202eb\u200bc\r\nBcc: d\x00") == "abc Bcc: d"
    assert md("a_b*") == "a＿b＊"
    assert href("http://a.example/x?y=1") == "http://a.example/x?y=1"
    assert href("http://a.example/' onclick='") == href("javascript:x") == href("") == ""


def test_nothing_to_say_is_an_error() -> None:
    with pytest.raises(ValueError, match="no line"):
        render(replace(bundle(), lines=()))


# Grouping


def test_lines_stand_overdue_today_this_week_later() -> None:
    days = {"none": None, "sunday": 6, "monday": 7, "today": 0, "late": -1, "later": 30, "old": -9}
    lines = [
        line(key, due_on=None if days_on is None else TODAY + timedelta(days=days_on))
        for key, days_on in days.items()
    ]
    found = sections(ordered(lines, TODAY), TODAY)
    assert [(one.title, [each.obligation for each in one.lines]) for one in found] == [
        ("已逾期", ["old", "late"]),
        ("今天到期", ["today"]),
        ("本周到期", ["sunday"]),
        ("以后到期", ["monday", "later", "none"]),
    ]


def test_one_message_per_post_and_one_for_what_is_urgent() -> None:
    a = Recipient("scjgj", "市市场监管局", "liaison", "甲（待填）", "a@e.example")
    b = Recipient("czj", "市财政局", "liaison", "乙（待填）", "b@e.example", note="改发")
    said = [(a, line("1")), (b, line("2")), (a, line("3")), (a, line("4", urgent=True))]
    said += [(a, line("1", kind="urge"))]
    found = group(
        said,
        day=TODAY,
        office="办",
        contact="",
        link=lambda to: f"http://x/{to.unit}",
        example=True,
    )
    shape = [(one.unit, one.urgent, [each.obligation for each in one.lines]) for one in found]
    assert shape == [
        ("czj", False, ["2"]),
        ("scjgj", False, ["1", "3"]),
        ("scjgj", True, ["4"]),
    ]
    assert found[1].lines[0].kind == "urge"
    assert (found[0].link, found[0].note, found[0].address) == (
        "http://x/czj",
        "改发",
        "b@e.example",
    )


# Routing


def unit(unit_id: str, **addresses: str) -> Unit:
    posts = {post: (Holder(f"{post}（待填）", None, None, to),) for post, to in addresses.items()}
    return Unit(unit_id, unit_id, unit_id, "", (), UnitKind.BUREAU, "市直部门", "", posts)


OFFICE = unit("office", liaison="", section="o@e.example")


@pytest.mark.parametrize(
    ("there", "post", "found"),
    [
        (unit("u", liaison="l@e", section="s@e"), "liaison", ("u", "liaison", 0)),
        (unit("u", liaison="", section="s@e"), "liaison", ("u", "section", 1)),
        (unit("u", head="h@e"), "liaison", ("u", "head", 3)),
        (unit("u", liaison="l@e"), "section", ("office", "section", 4)),
        (unit("u", head="h@e"), "county", ("office", "section", 2)),
        (unit("u"), "liaison", ("office", "section", 5)),
    ],
)
def test_an_empty_post_goes_up_and_then_to_the_office(
    there: Unit, post: str, found: tuple[str, str, int]
) -> None:
    route = choose(there, post, TODAY, office=OFFICE)
    assert (route.unit, route.post, len(route.tried)) == found


def test_a_detour_is_told_in_a_sentence() -> None:
    there = unit("u", liaison="", deputy="d@e")
    assert choose(there, "deputy", TODAY).note == ""
    told = choose(there, "liaison", TODAY, office=OFFICE).note
    assert told == "联络员没有填地址、科室负责人空缺，改发分管负责人。"
    dead = choose(there, "deputy", TODAY, office=OFFICE, dead={"d@e"})
    assert dead.note.startswith("分管负责人的地址退信、主要负责人空缺")
    assert dead.note.endswith("改发办公室所在单位的科室负责人。")


def test_with_nobody_anywhere_it_lies_with_the_office() -> None:
    route = choose(unit("u"), "liaison", TODAY, office=unit("office"))
    assert (route.unit, route.found) == ("office", False)
    assert "请办公室补填" in route.note


# Splitting


@pytest.mark.parametrize("limit", [16, 40, 333, 4096])
def test_splitting_loses_nothing_and_keeps_the_limit(limit: int) -> None:
    dice = random.Random(limit)
    signs = ["督", "a", "。", "\n", "\n\n", "👍🏽", "e\u0301", "👨\u200d👩", "，", " "]
    text = "".join(dice.choices(signs, k=3000)) + "督" * 500
    pieces = split_bytes(text, limit)
    assert "".join(pieces) == text
    assert max(len(piece.encode()) for piece in pieces) <= limit


def test_cuts_fall_between_paragraphs_or_sentences_first() -> None:
    assert split_bytes("一二三四五六。\n\n七八九十一二三。甲乙", 40) == [
        "一二三四五六。\n\n",
        "七八九十一二三。甲乙",
    ]
    assert split_bytes("", 16) == [""]
    with pytest.raises(ValueError, match="too small"):
        split_bytes("督", 15)


def letter(key: str = "day:2026-11-23:scjgj/liaison", **changes: Any) -> Letter:
    base = Letter(
        id=key,
        kind="day",
        unit="scjgj",
        post="liaison",
        person="联络员（待填）",
        address="scjgj.lianluo@xinzheng.example",
        channel="mail",
        subject="【提醒】1件待办",
        text="请办理",
        html="<p>请办理</p>",
        attachments=(),
        urgent=False,
        not_before=NOW,
    )
    return replace(base, **changes)


def test_parts_of_a_letter_are_letters_of_their_own() -> None:
    whole = letter(text="督办。" * 300)
    found = parts(whole, 1000)
    assert [one.id for one in found] == [f"{whole.id}#{n}/3" for n in (1, 2, 3)]
    assert max(len(one.text.encode()) for one in found) <= 1000
    assert "".join(one.text.split("\n", 1)[1] for one in found) == whole.text
    assert parts(whole, 0) == [whole]


# The mail itself


def test_a_mail_reads_back_as_it_was_written() -> None:
    raw = build_mail(
        key="day:1",
        sender=Sender("d@e.example", "办公室, 甲", "e.example"),
        to_name="联络员 <x>",
        to_address="a@e.example",
        subject="督查通报" * 60,
        text="第一行\n.第二行",
        html="<p>好</p>",
        attachments=[
            Attachment("督查通报第34期（附表）新郑市.docx", bytes(range(256))),
            Attachment("a b;.pdf", b"x"),
        ],
        sent_at=NOW,
    )
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert max(map(len, raw.split(b"\r\n"))) <= 100
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert mail["Subject"] == "督查通报" * 60
    assert [str(each.addr_spec) for each in mail["To"].addresses] == ["a@e.example"]
    assert mail["To"].addresses[0].display_name == "联络员 <x>"
    files = [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()]
    assert files == [("督查通报第34期（附表）新郑市.docx", bytes(range(256))), ("a b;.pdf", b"x")]
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["第一行", ".第二行"]
    assert mail["Date"].datetime == NOW
