"""The mailbox door: workbooks, evidence and short reports by mail, each once, each answered."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from duban.intake import layout
from duban.intake.mailbox import utf7
from duban.ledger import events, queries, tables
from duban.ledger.store import rows_hash
from duban.office import Office
from duban.stages import collect
from duban.stages.mailin import Mailed, take_in_mail
from fake_imap import Mails, free_port, imap
from formfill import fill, made_form
from notifier.mime import message_id
from smallhome import Hands, moment, small_office

TOWN, LIAISON = "longhu", "longhu.lianluo@xinzheng.example"
REPORT = "T-2/longhu/report:2026-11"
FINISH = "T-2/longhu/finish:end"
PDF = b"%PDF-1.7 minutes"


class Post:
    """An office with a Maildir, and liaison officers who write to it."""

    def __init__(self, office: Office, hands: Hands, folder: Path) -> None:
        self.office, self.hands, self.folder = office, hands, folder
        self.number = 0

    def put(self, raw: bytes) -> None:
        self.number += 1
        path = self.folder / "new" / f"{self.number:04}.host"
        path.write_bytes(raw)
        at = self.hands.at.timestamp()
        os.utime(path, (at, at))

    def take(self) -> Mailed:
        return take_in_mail(self.office, self.hands.at)

    def rows(self, table: sa.Table) -> list[Any]:
        with self.office.ledger.read() as conn:
            return list(conn.execute(sa.select(table)).mappings())

    @property
    def answers(self) -> list[str]:
        found = [row for row in self.rows(tables.message) if row["kind"] == "answer"]
        return [row["text"] for row in found]

    def state(self) -> str:
        return str(self.rows(tables.mail)[-1]["state"])

    def submitted(self, key: str = REPORT) -> list[Any]:
        with self.office.ledger.read() as conn:
            return list(queries.submissions(conn, key))


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with small_office(tmp_path) as (office, hands):
        folder = tmp_path / "var" / "box"
        for name in ("new", "cur", "tmp"):
            (folder / name).mkdir(parents=True)
        with_box(office, "maildir://box")
        hands.at = moment(16)
        yield Post(office, hands, folder)


def with_box(office: Office, url: str, **more: Any) -> None:
    """The office with a mailbox, as if duban.yaml named it."""
    from dataclasses import replace

    box = replace(office.settings.mailbox, url=url, **more)
    object.__setattr__(office, "settings", replace(office.settings, mailbox=box))


def mail(
    subject: str = "报送", text: str = "见附件", sender: str = LIAISON, **heads: str
) -> EmailMessage:
    found = EmailMessage()
    found["From"], found["To"], found["Subject"] = sender, "duban@xinzheng.example", subject
    found["Message-ID"] = heads.pop(
        "message_id", f"<{abs(hash((subject, text, sender)))}@town.example>"
    )
    for name, value in heads.items():
        found[name.replace("_", "-")] = value
    found.set_content(text)
    return found


def with_form(post: Post, edits: dict[str, dict[int, Any]], unit: str = TOWN) -> EmailMessage:
    data, rows = made_form(post.office, unit)
    cells = {
        (rows[key], column): value for key, row in edits.items() for column, value in row.items()
    }
    found = mail()
    found.add_attachment(
        fill(data, cells), "application", "octet-stream", filename="龙湖镇报送表.xlsx"
    )
    return found


# ---- what is taken ----


def test_workbook_by_mail_is_taken_and_answered(post: Post) -> None:
    post.put(bytes(with_form(post, {REPORT: {layout.PROGRESS: "走访企业12家"}})))
    assert post.take().taken == 1
    row = post.submitted()[0]
    assert (row["progress"], row["door"], row["late"], row["received_at"]) == (
        "走访企业12家",
        "mail",
        0,
        moment(16),
    )
    assert len(post.answers) == 1
    assert "已收下：摸清专利家底" in post.answers[0]
    assert f"{REPORT}#1" in post.answers[0]
    assert post.take().lines == []


def test_right_rows_are_taken_and_wrong_cells_told(post: Post) -> None:
    edits: dict[str, dict[int, Any]] = {
        REPORT: {layout.PROGRESS: "走访"},
        FINISH: {layout.PROGRESS: "过半", layout.PERCENT: 130},
    }
    post.put(bytes(with_form(post, edits)))
    assert post.take().taken == 1
    assert post.state() == "partly"
    assert "没有收　进展报送!J" in post.answers[0]
    assert not post.submitted(FINISH)


def test_late_mail_is_stamped_late_with_both_times(post: Post) -> None:
    raw = bytes(with_form(post, {REPORT: {layout.PROGRESS: "晚了"}}))
    post.put(raw)
    post.hands.at = moment(19)
    post.take()
    assert post.submitted()[0]["late"] == 1
    assert "记为迟报" in post.answers[0]
    assert "到达邮箱时间：2026-11-16 09:00" in post.answers[0]


def test_another_units_workbook_is_refused(post: Post) -> None:
    post.put(bytes(with_form(post, {}, unit="mengzhuang")))
    post.take()
    assert post.state() == "refused"
    assert "不是本单位的" in post.answers[0]


def test_evidence_goes_to_the_item_named_in_the_subject(post: Post) -> None:
    found = mail(f"佐证 {REPORT}", "进展：走访企业12家\n问题：缺人手\n\n联络员乙")
    found.add_attachment(PDF, "application", "pdf", filename="会议纪要.pdf")
    post.put(bytes(found))
    post.take()
    row = post.submitted()[0]
    assert (row["progress"], row["problem"]) == ("走访企业12家", "缺人手")
    with post.office.ledger.read() as conn:
        assert [each["name"] for each in queries.evidence_of(conn, row["id"])] == ["会议纪要.pdf"]
    assert "已收下附件：会议纪要.pdf" in post.answers[0]


def test_reply_to_a_letter_with_one_item_needs_no_key(post: Post) -> None:
    collect.periods(post.office, post.hands.at)
    letter = next(row for row in post.rows(tables.message) if row["unit"] == TOWN)
    ours = message_id(letter["id"], post.office.settings.mail_domain)
    post.put(bytes(mail("回复：通知", "无变化", In_Reply_To=ours)))
    post.take()
    assert [row["nil"] for row in post.submitted()] == [1]


@pytest.mark.parametrize(
    ("subject", "text", "words"),
    [
        ("报送", "进展：走访", "看不出是哪一事项"),
        ("随便问问", "这个月怎么报？", "没有可收的内容"),
        (f"报送 {FINISH}", "进展：过半", "累计进度"),
        ("报送 T-2/mengzhuang/report:2026-11", "进展：冒报", "看不出是哪一事项"),
    ],
)
def test_text_that_is_no_report_is_told(post: Post, subject: str, text: str, words: str) -> None:
    post.put(bytes(mail(subject, text)))
    post.take()
    assert words in post.answers[0]
    assert not post.submitted()
    assert not post.submitted(FINISH)


def test_file_without_an_item_is_not_kept(post: Post) -> None:
    found = mail()
    found.add_attachment(PDF, "application", "pdf", filename="纪要.pdf")
    post.put(bytes(found))
    post.take()
    assert "附件“纪要.pdf”：看不出是哪一事项的佐证" in post.answers[0]
    assert not (post.office.home.var / "evidence").exists()


# ---- who ----


@pytest.mark.parametrize(
    "sender",
    [
        '"longhu.lianluo@xinzheng.example" <evil@x.example>',
        "longhu.lianluo@xinzheng.example <evil@x.example>",
        f"{LIAISON}, evil@x.example",
        f"镇: {LIAISON}, evil@x.example;",
        f"<{LIAISON}> <evil@x.example>",
        f"evil@x.example ({LIAISON})",
        f"x{LIAISON}",
        "",
    ],
)
def test_sender_that_only_looks_right(post: Post, sender: str) -> None:
    raw = bytes(with_form(post, {REPORT: {layout.PROGRESS: "冒名"}}))
    post.put(re.sub(rb"(?m)^From:.*$", b"From: " + sender.encode(), raw, count=1))
    post.take()
    assert (post.state(), post.submitted()) == ("refused", [])
    assert "冒名" not in "".join(post.answers)


def test_two_from_headers_are_no_sender(post: Post) -> None:
    raw = bytes(with_form(post, {REPORT: {layout.PROGRESS: "冒名"}}))
    post.put(b"From: evil@x.example\n" + raw)
    post.take()
    assert (post.state(), post.answers) == ("refused", [])


def test_sender_is_known_in_any_case_and_dress(post: Post) -> None:
    raw = bytes(with_form(post, {REPORT: {layout.PROGRESS: "走访"}}))
    dressed = f'"乙 (镇), x@y" <{LIAISON.upper()}>'.encode()
    post.put(re.sub(rb"(?m)^From:.*$", b"From: " + dressed, raw, count=1))
    assert post.take().taken == 1


def test_stranger_is_answered_once_a_day_and_nothing_of_his_is_repeated(post: Post) -> None:
    for number in range(3):
        post.put(bytes(mail(f"买药 {number}", "http://evil.example", sender="evil@x.example")))
    post.take()
    assert len(post.answers) == 1
    assert "不在本系统的联络员名单里" in post.answers[0]
    assert "evil.example/" not in post.answers[0]
    assert [row["state"] for row in post.rows(tables.mail)] == ["refused"] * 3


def test_failed_authentication_is_refused_only_when_configured(post: Post) -> None:
    raw = bytes(with_form(post, {REPORT: {layout.PROGRESS: "走访"}}))
    failed = b"Authentication-Results: mx.example; spf=pass; dmarc=fail\n"
    post.put(failed + raw)
    post.take()
    assert (post.state(), post.answers) == ("refused", [])
    with_box(post.office, "maildir://box", refuse_auth_fail=False)
    post.put(failed + raw.replace(b"@town.example", b"@two.example"))
    assert post.take().taken == 1


@pytest.mark.parametrize(
    "heads",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"List_Id": "<l.example>"},
        {"Return_Path": "<>"},
        {"X_Notify_Id": "day:1"},
    ],
)
def test_robots_are_neither_taken_nor_answered(post: Post, heads: dict[str, str]) -> None:
    post.put(bytes(mail(f"报送 {REPORT}", "无变化", **heads)))
    post.take()
    assert (post.state(), post.answers, post.submitted()) == ("ignored", [], [])


def test_two_programs_that_answer_each_other_come_to_an_end(post: Post) -> None:
    for number in range(30):
        post.put(bytes(mail(f"自动回复 {number}", "谢谢")))
    post.take()
    assert len(post.answers) == 20


# ---- once ----


def test_the_same_mail_at_two_places_counts_once(post: Post) -> None:
    raw = bytes(with_form(post, {REPORT: {layout.PROGRESS: "走访"}}))
    post.put(raw)
    post.put(b"Received: from a by b; Mon, 16 Nov 2026 09:00:00 +0800\n" + raw)
    post.take()
    assert (len(post.submitted()), len(post.answers)) == (1, 1)
    assert [row["state"] for row in post.rows(tables.mail)] == ["taken", "again"]


def test_a_message_id_used_again_hides_nothing(post: Post) -> None:
    post.put(bytes(mail(f"报送 {REPORT}", "无变化", message_id="<same@t.example>")))
    post.put(bytes(mail(f"报送 {REPORT}", "进展：又有了", message_id="<same@t.example>")))
    post.take()
    assert len(post.submitted()) == 2


def test_moving_a_mail_from_new_to_cur_is_no_second_mail(post: Post) -> None:
    post.put(bytes(mail(f"报送 {REPORT}", "无变化")))
    post.take()
    (post.folder / "new" / "0001.host").rename(post.folder / "cur" / "0001.host:2,S")
    assert post.take().lines == []


def test_a_crash_at_any_write_loses_nothing_and_doubles_nothing(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = with_form(post, {REPORT: {layout.PROGRESS: "走访"}})
    found.replace_header("Subject", f"报送 {REPORT}")
    found.add_attachment(PDF, "application", "pdf", filename="纪要.pdf")
    post.put(bytes(found))
    write, calls, dies_at = events.append, 0, 1

    def dying(*args: Any, **more: Any) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == dies_at:
            raise KeyboardInterrupt
        return write(*args, **more)

    monkeypatch.setattr(events, "append", dying)
    before = rows_of(post)
    while True:
        calls = 0
        try:
            post.take()
        except KeyboardInterrupt:
            marked = bool(post.rows(tables.mail))
            assert marked or rows_of(post) == before
            assert marked == bool(post.submitted()) == bool(post.answers)
            dies_at += 1
            continue
        break
    assert dies_at >= 4
    post.take()
    assert (len(post.submitted()), len(post.answers), len(post.rows(tables.mail))) == (1, 1, 1)
    assert len(post.rows(tables.evidence)) == 1


def rows_of(post: Post) -> str:
    with post.office.ledger.read() as conn:
        return rows_hash(conn)


def test_rows_can_be_built_again_from_events(post: Post) -> None:
    post.put(bytes(mail(f"报送 {REPORT}", "无变化")))
    post.take()
    before = rows_of(post)
    with post.office.ledger.write("test") as writing:
        events.rebuild(writing.conn)
    assert rows_of(post) == before


def test_a_few_at_a_time_and_none_forgotten(post: Post) -> None:
    with_box(post.office, "maildir://box", max_mails=2)
    for number in range(5):
        post.put(bytes(mail(f"问 {number}", "？")))
    assert "还有3封" in post.take().lines[-1]
    post.take()
    post.take()
    assert len(post.rows(tables.mail)) == 5


def test_old_mail_in_a_new_box_is_left_alone(post: Post) -> None:
    post.put(bytes(mail()))
    post.hands.at = moment(26)
    assert (post.take().lines, post.answers) == ([], [])


# ---- hostile ----


def nested(depth: int) -> bytes:
    head = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth)
    )
    return f"From: {LIAISON}\nMessage-ID: <n@x>\n{head}\n".encode()


def many(parts: int) -> bytes:
    head = f"From: {LIAISON}\nMessage-ID: <m@x>\nContent-Type: multipart/mixed; boundary=b\n\n"
    return (head + "--b\nContent-Type: image/png\n\nx\n" * parts + "--b--\n").encode()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (nested(40), "格式坏了"),
        (nested(3000), "套了太多层"),
        (many(150), "150个部分"),
        (many(10_000), "太多部分"),
    ],
)
def test_mime_bombs_are_answered_unopened(post: Post, raw: bytes, words: str) -> None:
    post.put(raw)
    post.take()
    assert post.state() == "refused"
    assert words in post.answers[0]


def test_headers_without_end(post: Post) -> None:
    post.put(b"From: a@b.example\n" + b"X-Y: " + b"z" * 300_000 + b"\n\nhi\n")
    post.take()
    assert (post.state(), post.answers) == ("ignored", [])


def test_mail_that_is_too_big_is_told_by_its_head(post: Post) -> None:
    with_box(post.office, "maildir://box", max_mb=1)
    post.put(bytes(mail()) + b"x" * 1_200_000)
    post.take()
    assert "太大" in post.answers[0]
    assert "不超过1 MB" in post.answers[0]


def test_zip_bomb_winmail_and_forwarded_mail_are_named(post: Post) -> None:
    from test_workbook import zipped

    bomb = zipped({"xl/worksheets/sheet1.xml": bytes(30 * 1024 * 1024)})
    found = mail()
    found.add_attachment(bomb, "application", "zip", filename="报送表.xlsx")
    found.add_attachment(b"x", "application", "ms-tnef", filename="winmail.dat")
    found.add_attachment(mail())
    post.put(bytes(found))
    post.take()
    for words in ("展开后过大", "Outlook 的专用格式", "是转发的邮件"):
        assert words in post.answers[0]


# ---- IMAP ----


@pytest.fixture
def secret_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_MAILBOX_PASSWORD", "geheim")


def test_imap_over_tls_is_read_only(post: Post, certificate: Path, secret_set: None) -> None:
    mails = Mails()
    mails.put(bytes(with_form(post, {REPORT: {layout.PROGRESS: "走访"}})))
    with imap(mails, certificate) as port:
        ca = str(certificate.with_suffix(".crt"))
        with_box(post.office, f"imaps://duban@localhost:{port}", ca=ca, folder="已收")
        assert post.take().taken == 1
        assert post.take().lines == []
    assert any(f'EXAMINE "{utf7("已收")}"' in line for line in mails.log)
    assert not any(word in line for line in mails.log for word in ("STORE", "COPY", "EXPUNGE"))
    assert post.rows(tables.mail)[0]["arrived_at"] == moment(16)


@pytest.mark.parametrize("at", ["SEARCH", "SIZE", "PEEK"])
def test_a_connection_that_breaks_is_told_and_taken_up_again(
    post: Post, certificate: Path, secret_set: None, at: str
) -> None:
    mails = Mails(drop_at=at)
    mails.put(bytes(mail(f"报送 {REPORT}", "无变化")))
    with imap(mails, certificate) as port:
        ca = str(certificate.with_suffix(".crt"))
        with_box(post.office, f"imaps://duban@localhost:{port}", ca=ca)
        broken = post.take()
        assert broken.outside
        assert "下次再收" in broken.lines[0]
        assert post.take().taken == 1


def test_what_is_wrong_with_the_server_is_said_without_the_password(
    post: Post, certificate: Path, secret_set: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with imap(Mails(), certificate) as port:
        with_box(post.office, f"imaps://duban@localhost:{port}")
        assert "证书不可信" in post.take().lines[0]
        monkeypatch.setenv("DUBAN_MAILBOX_PASSWORD", "falsch")
        with_box(
            post.office, f"imaps://duban@localhost:{port}", ca=str(certificate.with_suffix(".crt"))
        )
        refused = post.take()
        assert "wrong password" in refused.lines[0]
        assert "falsch" not in refused.lines[0]
    with_box(post.office, f"imaps://duban@localhost:{free_port()}")
    assert "连不上" in post.take().lines[0]
    report = collect.run(post.office, post.hands.at)
    assert report.outside
    assert report.counts["新发报送通知"] > 0


def test_imap_names_of_folders() -> None:
    assert utf7("INBOX") == "INBOX"
    assert utf7("收件箱&x") == "&ZTZO9nux-&-x"
