"""Text that wants to be more than text: in no medium does it become markup, a link, a mention or a header."""

from __future__ import annotations

import email
import email.policy
import re
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duban.ledger.links import PLACEHOLDER
from notifier.channels.sms import NotifyDubanSms
from notifier.message import Bundle
from notifier.mime import Sender, build_mail
from notifier.neutral import MAX_CHARS, Own, defanged, md, plain, said
from notifier.proof import Page
from notifier.render import SUBJECT_CHARS, render
from notifier.split import parts, split_bytes
from test_notifier import NOW, bundle, letter, line

ROOT = Path(__file__).resolve().parent.parent

# Hostile text: whatever a unit writes stays text, in every medium

NASTY = (
    "<script>alert(1)</script> \"' onclick=x [点](http://evil.example) ![x](//evil.example/i.png)",
    '@all <@all> @13800000000 <at id=all></at> <at user_id="all">所有人</at> <mention>',
    "\r\nBcc: all@evil.example\r\n\r\n<p>x",
    "**急** __x__ # 标题 > 引 `码` ~~删~~ | 表 | \\",
    "- 一\n1. 二\n=== \n---",
    "www.evil.example/x evil.example HTTP://EVIL.EXAMPLE ftp://e.example javascript:alert(1)",
    "\u202e倒\u2066隔\u200b零\u00ad\ufeff\x00\x07\x1b[31m\x7f\u2028\u2029\ud800\udfff",
    "{{ 7*7 }}{% raw %}{# #}${x}%(y)s{0}",
    "&lt;b&gt; &#64;all &commat;all",
    "Z̵̨̧̢̛̛̛̛̛̛̛̛̛̛̛a",
    "长" * 5000,
    "x" * 5000,
    "http://a@evil.example:80/?q=[1](2)",
)
pieces = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=40),
    st.sampled_from(list("<>@[]()*_#`~|\\&\n\r\t:/.-")),
)
hostile = st.lists(pieces, min_size=1, max_size=6).map("".join).filter(bool)
LINK = f"http://127.0.0.1:8420/u/{PLACEHOLDER}"


def spoken(text: str) -> tuple[Bundle, Bundle]:
    """A message whose every foreign text is the same harmless word, and the same with another text."""

    def made(words: str) -> Bundle:
        one = line(
            title=words,
            label=words,
            phrase=words,
            reason=words,
            unit_name=words,
            url=LINK,
            due_text=words,
            status_text=words,
        )
        return bundle(one, person=words, unit_name=words, note=words, link=LINK)

    return made("督办"), made(text)


def harmless(text: str) -> None:
    """Nothing invisible, nothing that turns the direction, nothing that no database takes."""
    bad = {unicodedata.category(char) for char in text.replace("\n", "")} & {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    }
    assert bad == set()


def all_examples(test: Callable[[str], None]) -> Callable[[str], None]:
    for one in NASTY:
        test = example(text=one)(test)
    return test


@all_examples
@settings(max_examples=25, deadline=None)
@given(text=hostile)
def test_hostile_text_stays_text_in_a_mail_page(text: str) -> None:
    good, bad = (render(each, forms=("mail",)) for each in spoken(text))
    page, twin = Page(good.html), Page(bad.html)
    assert twin.bones == page.bones
    assert twin.links == page.links
    assert twin.active == set()
    harmless(bad.html)
    assert unlinked(bad.html)


def unlinked(text: str) -> bool:
    """Whether a text holds no address that a program would turn into a link, but our own."""
    text = text.replace(LINK, "")
    text = re.sub(r"<[^>]*>|<style>.*?</style>", "", text, flags=re.DOTALL)
    return not re.search(r"[a-z]+://|www\.[a-z]|evil\.example", text, re.IGNORECASE)


@all_examples
@settings(max_examples=25, deadline=None)
@given(text=hostile)
def test_hostile_text_stays_text_in_a_plain_mail(text: str) -> None:
    good, bad = (render(each, forms=("mail",)) for each in spoken(text))
    harmless(bad.text)
    assert bad.text.count("\n") == good.text.count("\n")
    assert unlinked(bad.text)


@all_examples
@settings(max_examples=25, deadline=None)
@given(text=hostile)
def test_hostile_text_is_no_markup_mention_or_link_in_a_chat(text: str) -> None:
    good, bad = (render(each, forms=("md", "text")) for each in spoken(text))
    for form, twin in ((good.md, bad.md), (good.chat, bad.chat)):
        for sign in "`*_{}[]()#+!|<>~@&\\":
            assert twin.count(sign) == form.count(sign), sign
        assert twin.count("\n") == form.count("\n")
        harmless(twin)
        assert unlinked(twin)
        # nothing of theirs begins a list, a heading or a rule
        starts = [re.match(r"(?:[-=+*>#]|\d+\. )*", each) for each in form.splitlines()]
        theirs = [re.match(r"(?:[-=+*>#]|\d+\. )*", each) for each in twin.splitlines()]
        assert [found and found[0] for found in theirs] == [found and found[0] for found in starts]


@all_examples
@settings(max_examples=20, deadline=None)
@given(text=hostile)
def test_hostile_text_adds_no_header_to_a_mail(text: str) -> None:
    made = render(spoken(text)[1], forms=("mail",))
    assert len(made.subject) <= SUBJECT_CHARS
    harmless(made.subject)
    raw = build_mail(
        key="day:1",
        sender=Sender("d@e.example", "办公室", "e.example"),
        to_name=plain(text),
        to_address="a@e.example",
        subject=made.subject,
        text=made.text,
        html=made.html,
        attachments=[],
        sent_at=NOW,
    )
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["Bcc"] is None
    assert mail["Subject"] == made.subject
    assert [str(each.addr_spec) for each in mail["To"].addresses] == ["a@e.example"]
    assert {part.get_content_type() for part in mail.walk()} >= {"text/plain", "text/html"}


@all_examples
@settings(max_examples=20, deadline=None)
@given(text=hostile)
def test_hostile_text_is_no_sign_in_the_parameters_of_an_sms(text: str) -> None:
    from notifier.channels.base import Parcel

    plugin = NotifyDubanSms.__new__(NotifyDubanSms)
    plugin._params = ("name", "day", "post")
    there = Parcel(letter(person=text), Sender("", "", ""), (), NOW, "text")
    values = plugin._values(there)
    assert re.fullmatch(r"[\w·]{1,12}", values["name"])
    assert (values["day"], values["post"]) == ("11月23日", "联络员")


@all_examples
@settings(max_examples=25, deadline=None)
@given(text=hostile)
def test_neutral_text_is_neutral_for_good(text: str) -> None:
    for make in (plain, said, md):
        once = make(text)
        assert make(str(once)) == once
        assert len(once) <= MAX_CHARS * 2
        harmless(once)


def test_what_the_office_says_of_itself_keeps_its_address() -> None:
    contact = "司文科 ipo@xinzheng.example"
    made = render(bundle(contact=contact))
    assert contact in made.text
    assert contact in made.html
    assert "ipo＠xinzheng.example" in made.md
    assert said("ipo@xinzheng.example") == "ipo@xinzheng·example"
    assert said(Own("a\u202eb")) == "ab"


@pytest.mark.parametrize("kept", ["完成率3.5%", "V2.0版", "第1.2条", "10:30前", "附件1.", "A.某"])
def test_ordinary_text_is_left_as_it_is(kept: str) -> None:
    assert said(kept) == kept == defanged(kept)


def test_the_portal_shows_a_message_as_text() -> None:
    from duban.portal.pages import templates

    shown = templates().get_template("messages.html")
    assert "|safe" not in (ROOT / "duban/portal/templates/messages.html").read_text("utf-8")
    assert "|safe" not in (ROOT / "duban/portal/templates/unit_inbox.html").read_text("utf-8")
    assert shown.environment.autoescape is True


# Splitting

signs = st.sampled_from(
    [
        "督",
        "a",
        "。",
        "\n",
        "\n\n",
        "👍🏽",
        "e\u0301",
        "👨\u200d👩\u200d👧",
        "，",
        " ",
        "🇨🇳",
        "\ufe0f",
        "\ud800",
    ]
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.one_of(signs, st.text(max_size=8)), max_size=120).map("".join), st.integers(16, 300)
)
def test_pieces_are_whole_lossless_and_small(text: str, limit: int) -> None:
    found = split_bytes(text, limit)
    assert "".join(found) == text
    assert all(len(one.encode("utf-8", "surrogatepass")) <= limit for one in found)
    assert all(found) or text == ""


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(200, 2000))
def test_parts_are_numbered_and_fit_when_the_link_is_filled_in(lines: int, limit: int) -> None:
    body = "\n".join(f"{n}. 建立机制之{n}，[填报]({LINK}?n={n})" for n in range(lines))
    whole = letter(text=body, html="<p>x</p>", attachments=("a.docx",))
    found = parts(whole, limit)
    filled = [one.text.replace(PLACEHOLDER, "t" * 32) for one in found]
    assert all(len(text.encode()) <= limit for text in filled)
    if len(found) > 1:
        marks = [one.text.split("\n", 1)[0] for one in found]
        assert marks == [f"（{n}/{len(found)}）" for n in range(1, len(found) + 1)]
        assert [one.attachments for one in found] == [("a.docx",)] + [()] * (len(found) - 1)
        assert "".join(one.text.split("\n", 1)[1] for one in found) == body
        assert len({one.id for one in found}) == len(found)
        assert all(text.count("[填报](") == text.count(f"/u/{'t' * 32}?n=") for text in filled)


def test_a_family_of_joined_signs_is_not_torn() -> None:
    found = split_bytes("督" * 4 + "👨\u200d👩\u200d👧" + "查" * 4, 24)
    assert found[0] == "督" * 4


def test_a_large_text_is_split_in_a_moment() -> None:
    started = time.monotonic()
    assert len(split_bytes("督办" * 200_000, 4000)) > 250
    assert time.monotonic() - started < 2
