"""The office's own templates: what check proves, what a broken one does, and the page of a mail."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cast import home_of
from duban.errors import Issues
from duban.settings import Home
from notifier.config import Channels, load_channels
from notifier.envelope import letters_of
from notifier.message import Rendered
from notifier.overrides import BUILT_IN, FIELDS, MEDIA, NAMES
from notifier.proof import Page, check_templates, samples, templates_in
from notifier.render import render
from notifier.sandbox import MAX_OUTPUT_BYTES
from test_matrix_bad import GOOD_TASK
from test_notifier import NOW, bundle, line

Cli = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parent.parent
GOOD = {name: (BUILT_IN / name).read_text(encoding="utf-8") for name in MEDIA}
CHANNELS = """default: mail
lost: inbox
channels:
  - {id: mail, url: "dubanmaildir://mail"}
  - {id: inbox, url: "dubaninbox://"}
  - {id: bot, url: "dubanwecombot://${env:T_BOT}", form: md, limit: 2000}
"""


@pytest.fixture
def office(tmp_path: Path) -> Home:
    (tmp_path / "config" / "templates").mkdir(parents=True)
    (tmp_path / "config" / "channels.yaml").write_text(CHANNELS, encoding="utf-8")
    return Home(tmp_path)


def put(home: Home, name: str, text: str | bytes) -> None:
    raw = text if isinstance(text, bytes) else text.encode()
    (home.config / "templates" / name).write_bytes(raw)


def checked(home: Home) -> list[tuple[str, str, int | None]]:
    issues = Issues()
    check_templates(home, load_channels(home, issues), issues)
    assert all(issue.message and issue.way_out for issue in issues)
    return [(issue.code, issue.place.file, issue.place.line) for issue in issues]


# What check says


def test_the_built_in_templates_pass_their_own_proof(office: Home) -> None:
    for name in NAMES:
        put(office, name, GOOD[name.rpartition("-")[2]])
    assert checked(office) == []
    made = templates_in(office.config)
    assert render(bundle(), made) == render(bundle())


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("ok\n{{ b.titel }}", "template-field", 2),
        ("{% if b.urgent %}{{ line.nam }}{% endif %}", "template-field", 1),
        ("{{ password }}", "template-field", 1),
        ("{{ b.address }}", "template-field", 1),  # a reader's address belongs in no message
        ("\n\n{% for x in %}", "template-syntax", 3),
        ("{% if b.note %}", "template-syntax", 1),
        ("{{ “b.note” }}", "template-syntax", 1),
        ("{{ 'a' * 10**9 }}", "template-refused", 1),
        ("{{ '%1000000000d' % 1 }}", "template-refused", 1),
        ("{% for n in range(10) %}{% endfor %}", "template-refused", 1),
        ("{% for a in b.office %}{% endfor %}", "template-refused", 1),
        ("{{ b.office.upper() }}", "template-refused", 1),
        ("{{ b.office|replace('', b.office) }}", "template-refused", 1),
        ("{{ b.office|safe }}", "template-refused", 1),
        ("{% set x = b.office ~ b.office %}", "template-refused", 1),
        ("{% include 'mail.txt' %}", "template-refused", 1),
        ("{% autoescape false %}{{ b.office }}{% endautoescape %}", "template-refused", 1),
        ("{% macro x() %}{% endmacro %}", "template-refused", 1),
        ("{{ ''.__class__ }}", "template-field", 1),
        ("{{ '{0.__class__}'.format(b) }}", "template-refused", 1),
        ("{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "template-refused", None),
        ("{% if 1 %}" * 60 + "{% endif %}" * 60, "template-refused", 1),
        ("{% for l in b.lines %}{% endfor %}" * 21, "template-refused", 1),
        ("{{ b.day|cut('x') }}", "template-field", 1),
        ("{{ b.day - 1 }}", "template-field", 1),
        ("x" * 70_000, "template-size", None),
        (b"ok\n\xc4\xe3\xba\xc3", "encoding", 2),
    ],
    ids=str,
)
def test_what_a_template_may_not_do_is_told_with_its_line(
    office: Home, text: str | bytes, code: str, at: int | None
) -> None:
    put(office, "mail.txt", text)
    started = time.monotonic()
    found = checked(office)
    assert time.monotonic() - started < 2
    assert code in {each for each, _, _ in found}
    assert (code, "config/templates/mail.txt", at) in found


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("mail.txt", "{{ reader }}", "同志"),
        ("mail.txt", "{{ b.contact }}", "62696021"),
        ("mail.txt", "{{ b.link|href }}", "见网站"),
        ("mail.html", "{{ line.title }}", "某事"),
        ("bot.md", "{{ line.due_text }}", "近日"),
        ("bot.md", "{{ b.link|href }}", "{{ b.link }}"),  # neutralised, and so no link
        ("mail.txt", "{{ example_mark }}", "演示"),
    ],
)
def test_what_a_notice_must_have_is_missed(office: Home, name: str, old: str, new: str) -> None:
    assert old in GOOD[name]
    put(office, name, GOOD[name].replace(old, new))
    assert {code for code, _, _ in checked(office)} == {"template-lacks"}


@pytest.mark.parametrize(
    "bad",
    [
        '<a href="{{ line.title }}">x</a>',
        "<p title={{ line.title }}>x</p>",
        "<script>alert(1)</script>",
        '<img src="https://tracker.example/x.png">',
        '<p onclick="x()">y</p>',
        '<meta http-equiv="refresh" content="0">',
    ],
)
def test_markup_that_could_do_harm_is_refused(office: Home, bad: str) -> None:
    put(
        office,
        "mail.html",
        GOOD["mail.html"].replace("<div>{% if line.url", bad + "<div>{% if line.url"),
    )
    assert {code for code, _, _ in checked(office)} == {"template-unsafe"}


def test_a_template_too_long_for_a_channel_is_told(office: Home) -> None:
    put(office, "bot.md", GOOD["bot.md"] + "督" * 600)
    put(
        office,
        "day-bot.md",
        GOOD["bot.md"].replace("{{ line.title }}", "{{ line.title }}" + "查" * 300),
    )
    put(
        office,
        "mail.html",
        GOOD["mail.html"].replace("{{ line.title }}</a>", "{{ line.title }}</a>" + "督" * 4500),
    )
    found = {(file.rpartition("/")[2], code) for code, file, _ in checked(office)}
    assert found == {
        ("bot.md", "template-long"),
        ("day-bot.md", "template-pieces"),
        ("mail.html", "template-long"),
    }


def test_a_file_that_is_no_template_is_told(office: Home) -> None:
    put(office, "mail.htm", "x")
    assert checked(office) == [("template-name", "config/templates/mail.htm", None)]


def test_check_tells_it_to_the_clerk(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    code, out, _ = cli("templates", "copy", "urgent-mail.txt", "--home", home)
    path = home / "config" / "templates" / "urgent-mail.txt"
    assert (code, path.read_text(encoding="utf-8")) == (0, GOOD["mail.txt"])
    assert cli("check", "--home", home)[0] == 0
    assert cli("templates", "copy", "urgent-mail.txt", "--home", home)[0] == 2
    assert cli("templates", "copy", "letter.doc", "--home", home)[0] == 2
    path.write_text("{{ b.contakt }}", encoding="utf-8")
    code, out, _ = cli("check", "--home", home)
    assert code == 1
    assert (
        "config/templates/urgent-mail.txt:1: 错误：没有“contakt”这个字段。 办法：是不是“contact”？"
        in out
    )
    code, out, _ = cli("templates", "list", "--home", home, "--format", "json")
    row = next(each for each in json.loads(out) if each["name"] == "urgent-mail.txt")
    assert (row["override"], row["used"], code) == (True, False, 0)


# What is said when a template is used, or cannot be


def channels_here(home: Home) -> Channels:
    return load_channels(home, Issues())


def test_an_override_speaks_for_its_kind_alone(office: Home) -> None:
    put(office, "urgent-mail.txt", "特急！\n" + GOOD["mail.txt"])
    put(office, "mail.txt", "本办来信\n" + GOOD["mail.txt"])
    for urgent, words in ((True, "特急！"), (False, "本办来信")):
        (made,) = letters_of(bundle(urgent=urgent), channels_here(office), NOW)
        assert made.text.startswith(words)
        assert made.html == render(bundle(urgent=urgent)).html


@pytest.mark.parametrize("bad", ["{{ b.titel }}", "{% for", "只有一句话", "{{ b.day|cut('x') }}"])
def test_a_broken_override_never_stops_a_message(office: Home, bad: str) -> None:
    put(office, "mail.txt", bad)
    (made,) = letters_of(bundle(), channels_here(office), NOW)
    assert made.text == render(bundle()).text
    assert "config/templates/mail.txt 用不了" in made.route


def test_an_override_is_read_again_when_it_changes(office: Home) -> None:
    put(office, "mail.txt", "甲" + GOOD["mail.txt"])
    assert templates_in(office.config) is templates_in(office.config)
    assert letters_of(bundle(), channels_here(office), NOW)[0].text[0] == "甲"
    put(office, "mail.txt", "乙乙" + GOOD["mail.txt"])
    assert letters_of(bundle(), channels_here(office), NOW)[0].text[0] == "乙"


def test_output_is_bounded_even_when_the_message_is_long(office: Home) -> None:
    body = "{% for l in b.lines %}{% for m in b.lines %}{{ m.title }}{% endfor %}{% endfor %}"
    put(office, "mail.txt", GOOD["mail.txt"] + body)
    many = [line(f"o{n}", title="督" * 100) for n in range(100)]
    (made,) = letters_of(bundle(*many), channels_here(office), NOW)
    assert len(made.text.encode()) < MAX_OUTPUT_BYTES
    assert "超过 512 KB" in made.route


def test_every_documented_field_exists() -> None:
    text = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:b|line|section)\.(\w+)`", text))
    assert named - {"lines"} <= FIELDS
    assert {"title", "due_text", "contact", "link"} <= named


# The page of a mail


def test_the_page_needs_no_style_sheet_and_has_its_words_twice() -> None:
    made = render(bundle(line(), line("o2", kind="urge")))
    page, bare = (
        Page(made.html),
        Page(re.sub(r"<style>.*?</style>", "", made.html, flags=re.DOTALL)),
    )
    assert [bone for bone in page.bones if bone[0] != "style"] == bare.bones
    inked = re.findall(r"color:(#[0-9a-f]{6})", made.html)
    assert {"#ffffff", "#1f3a5f"} <= set(inked)
    for words in (
        "建立知识产权协同保护机制",
        "今天到期",
        "司文科 62696021",
        "http://127.0.0.1:8420/l/abc",
    ):
        assert words in made.text
        assert words in made.html
    assert not re.search(
        r'width="(?:3[3-9]\d|[4-9]\d\d)"',
        re.sub(r"<!--\[if mso\].*?-->", "", made.html, flags=re.DOTALL),
    )
    assert len(made.html.encode()) < 20_000


def test_every_sample_can_be_said_in_every_form() -> None:
    found: list[Rendered] = [
        render(each.bundle, copy=each.copy) for each in samples("办公室", "司文科 62696021")
    ]
    assert all(one.text and one.html and one.md and one.chat and not one.problems for one in found)
    assert len(found) >= 12


def test_the_folder_of_paper_templates_is_no_message_template(office: Home) -> None:
    (office.config / "templates" / "papers").mkdir(parents=True)
    assert checked(office) == []
