"""The only place outside ``notifier.channels`` that knows Apprise: opens channels and sends through them.

Apprise gives URL grammar, the registry of services and one ``notify()``. Retry, rate, format, splitting
and the judgement of what happened are ours, because its answer is a single bool.
"""

from __future__ import annotations

import email.charset
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from duban.errors import UsageError
from duban.ledger.outbox import Letter, Outcome
from duban.settings import Home
from notifier.config import Channel, Channels, part_for, refusal
from notifier.deadline import SEND_SECONDS, Deadline
from notifier.mime import Attachment
from notifier.pretend import JUDGE

ATTACHMENTS_MAX_BYTES = 20 * 1024 * 1024
_MAILDIR = "dubanmaildir://"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


class _NoSecrets(logging.Filter):
    """Keeps webhook keys, passwords and payloads out of every log, whatever level is asked for.

    At DEBUG, Apprise and urllib3 print whole URLs with their tokens, and Apprise the payload too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop details below INFO and lines about a URL that was not understood; blank out the rest."""
        if record.levelno < logging.INFO:
            return False
        said = record.getMessage()
        if said.startswith(("Unparseable", "Unsupported URL", "Could not load")):
            return False
        if "://" in said:
            record.msg, record.args = _URL.sub("（地址略）", said), None
        record.exc_info = record.exc_text = None
        return True


_QUIET = _NoSecrets()
# A filter does not hold for a logger's children: each one that speaks is named. The last of urllib3's
# tells the whole path of a request that is tried again, and that path holds the key.
_TALKATIVE = (
    "apprise",
    "requests",
    "urllib3",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
)


def _hush() -> None:
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        if _QUIET not in logger.filters:
            logger.addFilter(_QUIET)


_LOADING = threading.Lock()


def _registry() -> Any:
    """Apprise with our plugins; loading it takes half a second, so only when something is sent.

    One thread loads it for all: a plugin that is registered twice is refused.
    """
    with _LOADING:
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> Any:
    _hush()
    charsets = dict(email.charset.CHARSETS)
    with warnings.catch_warnings():
        # Some of its 170 plugins import modules that Python will drop; nobody here can act on it.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

        untyped: Any = apprise
        manager = untyped.NotificationManager()
        manager.load_modules()

    for plugin in _our_plugins():
        if not manager.add(plugin):
            msg = f"Apprise did not take {plugin.__name__}"
            raise RuntimeError(msg)
    # Its mail plugin switches UTF-8 mail of the whole process to quoted-printable: switch it back.
    email.charset.CHARSETS.update(charsets)
    return untyped


def _our_plugins() -> tuple[Any, ...]:
    """Our plugins; importing them imports Apprise."""
    from notifier.channels.dingtalk import NotifyDubanDing
    from notifier.channels.feishu import NotifyDubanFeishu
    from notifier.channels.inbox import NotifyDubanInbox
    from notifier.channels.mail import NotifyDubanMail
    from notifier.channels.maildir import NotifyDubanMaildir
    from notifier.channels.sms import NotifyDubanSms
    from notifier.channels.wecom_app import NotifyDubanWecom
    from notifier.channels.wecom_bot import NotifyDubanWecomBot

    bots = (NotifyDubanWecomBot, NotifyDubanDing, NotifyDubanFeishu)
    mails = (NotifyDubanInbox, NotifyDubanMaildir, NotifyDubanMail)
    return (*mails, *bots, NotifyDubanWecom, NotifyDubanSms)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A channel in use: one service object, told one recipient at a time."""

    notify: Callable[..., Any]
    plugin: Any
    ours: bool
    channel: Channel


class Gateway:
    """Channels opened when first used and kept open; leave it with ``with`` or ``close``."""

    def __init__(self, channels: Channels, home: Home) -> None:
        self._channels = channels
        self._var = home.var
        self._opened: dict[str, _Opened] = {}

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give connections back."""
        for opened in self._opened.values():
            if opened.ours:
                opened.plugin.close()
        self._opened.clear()

    def open(self, channel: str) -> None:
        """Make a channel ready. Raises UsageError with a sentence when it cannot be used."""
        if JUDGE.get() is None and channel not in self._opened:
            self._opened[channel] = self._load(channel)

    def _load(self, channel: str) -> _Opened:
        url = self._channels.url_of(channel)
        apprise = _registry()
        from notifier.channels.base import NotifyDuban

        asset = apprise.AppriseAsset(
            app_id="duban",  # goes raw into User-Agent: with Chinese in it every post failed
            app_desc="duban",
            secure_logging=True,
            async_mode=False,  # the outcome comes back through the caller's own thread
            http_redirects=False,  # a redirect to a login page would count as delivered
        )
        plugin = apprise.Apprise.instantiate(self._placed(url), asset=asset)
        if plugin is None:
            raise UsageError(
                f"渠道“{channel}”的地址 Apprise 认不出来。",
                "核对种类、主机和参数的写法；信还在队列里。",
            )
        _refuse_stock(channel, plugin)
        service = apprise.Apprise(asset=asset)
        service.add(plugin)
        ours = isinstance(plugin, NotifyDuban)
        return _Opened(service.notify, plugin, ours, self._channels.by_id[channel])

    def _placed(self, url: str) -> str:
        """A maildir's URL with its folder below ``var/`` written out in full."""
        if not url.lower().startswith(_MAILDIR):
            return url
        folder = self._below_var(url[len(_MAILDIR) :].strip("/"))
        if folder is None:
            raise UsageError("邮件夹必须在 var/ 里面。", "写成 dubanmaildir://mail。")
        return f"{_MAILDIR}localhost{quote(str(folder))}"

    def _below_var(self, name: str) -> Path | None:
        """A path below ``var/``, or None when it leads out of it."""
        path = (self._var / name).resolve()
        return path if name and path.is_relative_to(self._var.resolve()) else None

    def send_many(
        self,
        channel: str,
        letters: Sequence[Letter],
        moment: Callable[[], datetime],
        seconds: float = SEND_SECONDS,
    ) -> Iterator[tuple[str, Outcome]]:
        """Send letters one after the other, giving each outcome as soon as it is known.

        A letter is sent only when the iterator is asked for it, and takes at most ``seconds``. Raises
        UsageError before the first one when the channel cannot be used.
        """
        judge = JUDGE.get()
        if judge is not None:  # a simulation: nothing leaves the house
            yield from ((letter.id, judge(letter, moment())) for letter in letters)
            return
        self.open(channel)
        opened = self._opened[channel]
        for letter in letters:
            yield letter.id, self._send(opened, letter, moment(), seconds)

    def _send(self, opened: _Opened, letter: Letter, sent_at: datetime, seconds: float) -> Outcome:
        from notifier.channels.base import OUTCOME, PARCEL, Parcel

        if not opened.ours:
            return _by_stock(opened, letter, seconds)
        # Only mail carries files; a bot's text must not fail for one it would not send.
        files = self._attachments(letter) if opened.channel.form == "mail" else ()
        if isinstance(files, Outcome):
            return files
        there = replace(letter, address=part_for(opened.channel, letter.address))
        form, by = opened.channel.form, Deadline(seconds)
        parcel = Parcel(there, self._channels.sender, files, sent_at, form, by)
        held = PARCEL.set(parcel)
        OUTCOME.set(None)
        try:
            opened.notify(body=letter.text or letter.subject, title=letter.subject)
            return OUTCOME.get() or Outcome("unknown", "plugin-error", "发送程序出错，结果不明")
        finally:
            PARCEL.reset(held)

    def _attachments(self, letter: Letter) -> tuple[Attachment, ...] | Outcome:
        """The files that go along, or why they cannot."""
        files: list[Attachment] = []
        for name in letter.attachments:
            path = self._below_var(name)
            try:
                content = path.read_bytes() if path else None
            except OSError:
                content = None
            if path is None or content is None:
                return Outcome("permanent", "attachment", f"附件读不出来：{name}")
            files.append(Attachment(path.name, content))
        if sum(len(file.content) for file in files) > ATTACHMENTS_MAX_BYTES:
            return Outcome("permanent", "attachment", "附件合计超过 20 MB，邮件服务器不会收")
        return tuple(files)


def _by_stock(opened: _Opened, letter: Letter, seconds: float) -> Outcome:
    """Send through a stock plugin; it says only yes or no, and a no may still have arrived.

    In a thread of its own: its timeouts start anew with every byte, and nothing else can end it.
    """
    said: list[bool] = []

    def notify() -> None:
        # Apprise 2 answers with an object that is neither True nor equal to it: only its truth counts.
        said.append(bool(opened.notify(body=letter.text or letter.subject, title=letter.subject)))

    thread = threading.Thread(target=notify, name="duban-stock", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return Outcome("unknown", "too-slow", "对方迟迟没有答复完，不再等")
    if said == [True]:
        return Outcome("sent", "stock")
    return Outcome("unknown", "stock", "这个渠道只说“没有成功”，没有说原因")


def _refuse_stock(channel: str, plugin: Any) -> None:
    """Look again at what the URL became: a pasted webhook turns into a refused plugin."""
    names: set[str] = set()
    for given in (plugin.protocol, plugin.secure_protocol):
        names.update([given] if isinstance(given, str) else given or [])
    for name in sorted(names):
        why = refusal(name)
        if why and name not in {"http", "https"}:
            raise UsageError(f"渠道“{channel}”不能用：{why[0]}。", why[1])
