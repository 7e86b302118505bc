"""``dubansms://APP:SECRET@gateway.example/path?day=SMS_1&urgent=SMS_2`` – short messages by template.

Sends a template's number and its parameters, never free text: that is what providers allow. For the
office's own or a bought gateway; a provider with another protocol needs a small forwarder in front of it.

The request is JSON: ``app``, ``timestamp`` (seconds), ``request_id`` (the same for every try, so the
gateway can drop a second copy), ``phone``, ``template``, ``params``, ``sign_name`` (``&sign=…``). The header
``X-Duban-Signature`` is HMAC-SHA256 with the secret over timestamp, line break and body, in hex. The
answer names ``code`` (``0`` or ``OK``) and ``message``.

Templates by kind of message: ``day``, ``urgent``, ``digest``; ``template=`` for all others. ``params=`` chooses among
``name`` (the reader), ``day`` (11月23日), ``post``; without it ``name`` and ``day``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from duban import clock
from duban.ledger.outbox import BAD_ADDRESS, Outcome
from duban.matrix.model import POST_NAMES
from notifier.channels.base import Parcel
from notifier.channels.web import Codes, NotifyDubanWeb, json_bytes
from notifier.mime import digest_of
from notifier.webpost import HERE

KINDS = ("day", "urgent", "digest")
PARAMS = ("name", "day", "post")
NAME_CHARS = 12
_PHONE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")


def phone_of(address: str) -> str:
    """A mobile number of the mainland, eleven digits; empty when it is none."""
    found = _PHONE.fullmatch(re.sub(r"[ -]", "", address))
    return found[1] if found else ""


def sign(secret: str, stamp: str, body: bytes) -> str:
    """The signature of a request."""
    return hmac.new(secret.encode(), stamp.encode() + b"\n" + body, hashlib.sha256).hexdigest()


class NotifyDubanSms(NotifyDubanWeb):
    """Posts one template message to one mobile number."""

    service_name = "Duban template SMS"
    protocol = "dubansms"
    codes = Codes(
        ok=("0", "OK", "ok", "success"),
        rate={"429": 60, "THROTTLING": 60, "Throttling": 60},
        channel=(
            "SIGNATURE",
            "SignatureDoesNotMatch",
            "isv.AMOUNT_NOT_ENOUGH",
            "isv.OUT_OF_SERVICE",
            "isv.ACCOUNT_ABNORMAL",
            "isv.SMS_SIGNATURE_ILLEGAL",
            "isv.ACCOUNT_NOT_EXISTS",
        ),
        person=("BAD_PHONE", "isv.MOBILE_NUMBER_ILLEGAL"),
        letter=(
            "BAD_TEMPLATE",
            "isv.SMS_TEMPLATE_ILLEGAL",
            "isv.TEMPLATE_MISSING_PARAMETERS",
            "isv.INVALID_PARAMETERS",
            "isv.BLACK_KEY_CONTROL_LIMIT",
        ),
    )
    code_keys = ("code", "Code")
    said_keys = ("message", "Message", "msg")

    def __init__(
        self,
        *,
        app: str,
        secret: str,
        path: str,
        templates: Mapping[str, str],
        params: tuple[str, ...],
        sign_name: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._app, self._secret, self._path = app, secret, path
        self._templates, self._params, self._sign_name = templates, params, sign_name
        self.keep_secret(secret)

    def carry(self, parcel: Parcel) -> Outcome:
        """Post one template message; a kind without a template is refused, not written out."""
        letter = parcel.letter
        phone = phone_of(letter.address)
        if not phone:
            return Outcome("permanent", BAD_ADDRESS, "手机号的写法不对")
        template = self._templates.get(letter.kind) or self._templates.get("")
        if not template:
            return Outcome("permanent", "no-template", f"没有给“{letter.kind}”类通知配短信模板")
        stamp = str(int(parcel.sent_at.timestamp()))
        content = {
            "app": self._app,
            "timestamp": stamp,
            "request_id": digest_of(letter.id),
            "phone": phone,
            "template": template,
            "params": self._values(parcel),
            "sign_name": self._sign_name,
        }
        signature = sign(self._secret, stamp, json_bytes(content))
        headers = {"X-Duban-Signature": signature, "X-Duban-Timestamp": stamp}
        return self.post(self._path, content, parcel.sent_at, **headers)

    def _values(self, parcel: Parcel) -> dict[str, str]:
        letter = parcel.letter
        day = clock.day_of(letter.not_before)
        values = {
            # A name comes from the office's files; a gateway takes no signs in it.
            "name": re.sub(r"[^\w·]", "", letter.person)[:NAME_CHARS] or "您好",
            "day": f"{day.month}月{day.day}日",
            "post": POST_NAMES.get(letter.post, "联络员"),
        }
        return {name: values[name] for name in self._params}

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse account, gateway, templates and parameters; None when something needed is missing."""
        found = NotifyDubanWeb.parse_url(url)
        if not found or not (found["user"] and found["password"] and found["host"]):
            return None
        options = found["qsd"]
        chosen = tuple(name for name in options.get("params", "name,day").split(",") if name)
        if not set(chosen) <= set(PARAMS):
            return None
        port = f":{found['port']}" if found["port"] else ""
        scheme = "http" if found["host"] in HERE and not found["ca_file"] else "https"
        return found | {
            "gateway": f"{scheme}://{found['host']}{port}",
            "app": found["user"],
            "secret": found["password"],
            "path": quote(NotifyDubanWeb.unquote(found["fullpath"] or "/")),
            "templates": {kind: options.get(kind, "") for kind in KINDS}
            | {"": options.get("template", "")},
            "params": chosen,
            "sign_name": options.get("sign", ""),
        }
