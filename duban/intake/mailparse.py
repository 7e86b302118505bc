"""Takes a mail apart: who sent it, what it answers, its text and its files. Pure; never raises for bad mail.

Everything in a mail is a claim of whoever sent it. Bytes are counted before anything parses them, and what
cannot be told for sure (two senders, a group, a name that looks like an address) is no sender at all.
"""

from __future__ import annotations

import email
import email.message
import email.policy
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.header import decode_header
from email.utils import collapse_rfc2231_value

from duban.intake.evidence import shown_name
from duban.intake.submission import clean
from duban.ledger.canon import canonical

MAX_PARTS, MAX_BOUNDARIES, MAX_NEST = 100, 60, 12
MAX_HEADER_BYTES, MAX_HEADER_LINES = 128 * 1024, 1000
MAX_TEXT_CHARS = 20_000
_DASH_LINES = 4000  # lines that could begin a part: a mail of a person has a few
_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180}[A-Za-z0-9])"
_MAILBOX = re.compile(rf"(?:[^<>,:;@\"()\\]*<\s*({_ADDRESS})\s*>|({_ADDRESS}))")
_ID = re.compile(r"<[^<>\s]{3,240}>")
_FAILED = re.compile(r"\b(?:dmarc|dkim|spf)\s*=\s*(?:fail|permerror)\b", re.IGNORECASE)
_ROBOTS = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply)@", re.IGNORECASE)


class _Raw(email.policy.Compat32):
    """Headers as they came: bytes that are no ASCII stay to be told apart, instead of becoming �."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


_RAW = _Raw()


@dataclass(frozen=True, slots=True)
class Attached:
    """A file in a mail. ``kind``: file, winmail (Outlook's own wrapping), mail (a forwarded mail), inline."""

    name: str
    content: bytes
    kind: str = "file"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in its parts. ``number``: of Message-ID and content, without what servers add on the way.

    ``sender``: one address in small letters, empty with ``sender_fault`` when there is not exactly one.
    ``automatic``: why nobody may be answered. ``fault``: why nothing in it was opened.
    """

    number: str
    message_id: str = ""
    sender: str = ""
    sender_fault: str = ""
    subject: str = ""
    answers: tuple[str, ...] = ()
    automatic: str = ""
    auth_failed: bool = False
    text: str = ""
    files: tuple[Attached, ...] = ()
    fault: str = ""


def read_mail(raw: bytes, *, ours: str = "", whole: bool = True) -> Mail:
    """A mail's parts. ``ours``: the address that we send from. ``whole`` False: only its beginning is here."""
    head, body = _split(raw)
    if len(head) > MAX_HEADER_BYTES or head.count(b"\n") > MAX_HEADER_LINES:
        number = hashlib.sha256(raw).hexdigest()
        fault = "邮件头异常地长"
        return Mail(number, automatic=fault, fault=fault)
    said = email.message_from_bytes(head, policy=_RAW)
    sender, sender_fault = _sender(said)
    found = Mail(
        number=_number(said, body),
        message_id=_one_line(said.get("Message-ID"))[:240],
        sender=sender,
        sender_fault=sender_fault,
        subject=_one_line(said.get("Subject"))[:200],
        answers=_answers(said),
        automatic=_automatic(said, sender, ours),
        auth_failed=any(
            _FAILED.search(str(each)) for each in said.get_all("Authentication-Results", [])
        ),
    )
    if not whole:
        return replace(found, fault="邮件太大")
    fault = _bomb(raw)
    return replace(found, fault=fault) if fault else _with_parts(found, raw)


def _split(raw: bytes) -> tuple[bytes, bytes]:
    found = re.search(rb"\r?\n\r?\n", raw[: MAX_HEADER_BYTES * 2])
    return (raw[: found.end()], raw[found.end() :]) if found else (raw, b"")


def _number(said: email.message.Message, body: bytes) -> str:
    """The same for every copy: what servers put on top (Received and so on) does not count."""
    named = [str(said.get(name, "")) for name in ("Message-ID", "From", "Date", "Subject")]
    joined = [" ".join(value.split()).encode("utf-8", "replace").decode() for value in named]
    content = hashlib.sha256(body.replace(b"\r\n", b"\n").rstrip()).hexdigest()
    return hashlib.sha256(canonical([*joined, content]).encode()).hexdigest()


def _bomb(raw: bytes) -> str:
    """What a parser should not be given: it would lay out every part before anyone could count them."""
    if raw.lower().count(b"boundary=") > MAX_BOUNDARIES or raw.count(b"\n--") > _DASH_LINES:
        return f"邮件里套了太多层或分成太多部分（最多{MAX_PARTS}个部分）"
    return ""


# ---- who, and what it answers ------------------------------------------------------------------


def _sender(said: email.message.Message) -> tuple[str, str]:
    """The one address in From, or why there is none. Display names are never looked at."""
    given = said.get_all("From", [])
    if len(given) != 1:
        return "", "发件人不止一个" if given else "没有发件人"
    raw = " ".join(str(given[0]).split())
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"", "", raw)  # a quoted name may hold anything
    bare = re.sub(r"\([^()]*\)", "", bare).strip()
    found = _MAILBOX.fullmatch(bare)
    if found is None:
        several = "," in bare or ";" in bare or bare.count("@") > 1
        return "", "发件人不止一个，或写成了一组" if several else "发件人的地址写法不对"
    return (found[1] or found[2]).lower(), ""


def _answers(said: email.message.Message) -> tuple[str, ...]:
    """Message-IDs that the mail says it answers, nearest first."""
    ids = _ID.findall(_one_line(str(said.get("In-Reply-To", ""))[:2000]))
    ids += reversed(_ID.findall(_one_line(str(said.get("References", ""))[:8000])))
    return tuple(dict.fromkeys(ids))[:40]


def _automatic(said: email.message.Message, sender: str, ours: str) -> str:
    """Why this is no mail of a person (RFC 3834): such mail is never answered, or two robots talk for ever."""
    told = str(said.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    kind = said.get_content_type()
    tests = (
        (sender and sender == ours.lower(), "本系统自己发出的邮件"),
        ("X-Notify-Id" in said, "本系统自己发出的邮件"),
        (told != "no", "自动发出的邮件"),
        (str(said.get("Return-Path", "x")).strip() == "<>", "退信"),
        (kind == "multipart/report", "退信或回执"),
        (any(name in said for name in ("List-Id", "List-Post", "List-Unsubscribe")), "群发邮件"),
        (str(said.get("Precedence", "")).strip().lower() in {"bulk", "list", "junk"}, "群发邮件"),
        (any(name in said for name in ("X-Autoreply", "X-Autorespond")), "自动回复"),
        (_ROBOTS.match(sender), "不是人发的地址"),
    )
    return next((why for found, why in tests if found), "")


# ---- text and files ----------------------------------------------------------------------------


def _with_parts(found: Mail, raw: bytes) -> Mail:
    try:
        parts = list(_leaves(email.message_from_bytes(raw, policy=_RAW)))
    except (RecursionError, ValueError, TypeError, LookupError, AttributeError, IndexError):
        return replace(found, fault="邮件的格式坏了，读不出来")
    if len(parts) > MAX_PARTS:
        return replace(found, fault=f"邮件分成了{len(parts)}个部分，超过{MAX_PARTS}个")
    text, files = "", []
    for part in parts:
        name = _file_name(part)
        if not name and part.get_content_type() == "text/plain" and not text:
            text = _text(part)
        elif name or part.get_content_maintype() not in {"text", "multipart"}:
            files.append(_attached(part, name))
    return replace(found, text=clean(text)[:MAX_TEXT_CHARS], files=tuple(files))


def _leaves(top: email.message.Message) -> Iterator[email.message.Message]:
    """Parts that hold something, in order; a mail within the mail is one part and is not opened."""
    waiting: list[tuple[email.message.Message, int]] = [(top, 0)]
    while waiting:
        part, depth = waiting.pop()
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            if depth >= MAX_NEST:
                msg = "nested too deeply"
                raise ValueError(msg)
            waiting += [
                (each, depth + 1)
                for each in reversed(payload)
                if isinstance(each, email.message.Message)
            ]
        else:
            yield part


def _attached(part: email.message.Message, name: str) -> Attached:
    kind = part.get_content_type()
    if kind == "application/ms-tnef" or name.lower() == "winmail.dat":
        return Attached(name or "winmail.dat", b"", "winmail")
    if kind.startswith("message/"):
        return Attached(name or "转发的邮件", b"", "mail")
    content = part.get_payload(decode=True)
    inline = part.get("Content-ID") is not None and kind.startswith("image/")
    attached = str(part.get("Content-Disposition", "")).strip().lower().startswith("attachment")
    return Attached(
        name or "未命名",
        content if isinstance(content, bytes) else b"",
        "inline" if inline and not attached else "file",
    )


def _file_name(part: email.message.Message) -> str:
    """The name of a file however it was written: RFC 2231, RFC 2047 within quotes, or raw bytes."""
    for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        try:
            value = part.get_param(parameter, None, header)
            name = collapse_rfc2231_value(value) if value is not None else ""
        except (LookupError, ValueError, TypeError):
            continue
        if name:
            return shown_name(_one_line(name))
    return ""


def _text(part: email.message.Message) -> str:
    raw = part.get_payload(decode=True)
    return _decoded(raw if isinstance(raw, bytes) else b"", part.get_content_charset() or "")


def _decoded(raw: bytes, charset: str) -> str:
    """Text in the charset it claims, or in one that Chinese mail is really written in."""
    wider = {"gb2312": "gb18030", "gbk": "gb18030", "us-ascii": "utf-8"}
    for each in (wider.get(charset.lower(), charset), "utf-8", "gb18030"):
        try:
            return raw.decode(each or "utf-8")
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return raw.decode("utf-8", "replace")


def _one_line(value: object) -> str:
    """A header as one line of readable text."""
    if value is None:
        return ""
    try:
        pieces = decode_header(str(value).encode("utf-8", "surrogateescape").decode("utf-8"))
    except UnicodeDecodeError:
        raw = str(value).encode("utf-8", "surrogateescape")
        pieces = [(_decoded(raw, "gb18030"), None)]
    except (ValueError, LookupError):  # broken base64 within an encoded word
        pieces = [(str(value), None)]
    joined = "".join(
        _decoded(piece, charset or "") if isinstance(piece, bytes) else piece
        for piece, charset in pieces
    )
    return " ".join(clean(joined.encode("utf-8", "replace").decode()).split())
