"""Hashes, seals and codes: the only module that imports argon2, pyotp and cryptography.

Nothing here is ever written to an event. Hashing waits its turn, because each hash takes 64 MiB.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from datetime import datetime
from typing import Any

from duban.accounts import plain_password
from duban.keyfile import key_of
from duban.settings import Home

CODES = 10
"""Recovery codes that are given at once."""
_WINDOW = 1  # steps of 30 s a phone's clock may be off (RFC 6238 §5.2)
_STEP_SECONDS = 30
_AT_ONCE = threading.Semaphore(2)  # two cores; forty hashes at once would take 2.5 GiB


def account_key(home: Home) -> bytes:
    """The key that seals second factors: ``DUBAN_ACCOUNT_KEY``, else a file only we can read.

    Raises UsageError for a key that is too short, OutsideError when none can be written.
    """
    return key_of(home, "DUBAN_ACCOUNT_KEY", "account.key").encode()


# ---- passwords ---------------------------------------------------------------------------------


def hasher() -> Any:
    """argon2id with the second recommended parameters of RFC 9106 §4: t=3, 64 MiB, p=4."""
    from argon2 import PasswordHasher
    from argon2.profiles import RFC_9106_LOW_MEMORY

    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hash_password(password: str) -> str:
    """A password as it is kept."""
    with _AT_ONCE:
        return str(hasher().hash(plain_password(password)))


_NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$/SKdKQHvCT0/fKjgBRU0CQ$"
    "c9nDWbNnCDvoNJE5jKLCddGRSUiVEks0nptyMyruqRg"
)
"""A hash that no password has, with the same parameters: asking about nobody takes as long."""


def is_password(kept: str, given: str) -> bool:
    """Whether a password is the kept one; where none is kept, false after the same time."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _AT_ONCE:
        try:
            hasher().verify(kept or _NOBODYS, plain_password(given))
        except (VerificationError, InvalidHashError):
            return False
    return bool(kept)


# ---- tokens ------------------------------------------------------------------------------------


def new_token() -> str:
    """A cookie or a one-time link: 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """What is kept of a token: it is random, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()


def marked(key: bytes, what: str, value: str) -> str:
    """A value that must be recognised but not read: an address or a name that was tried."""
    return hmac.new(key, f"{what}\x1f{value}".encode(), hashlib.sha256).hexdigest()


def try_key(key: bytes, way: str, name: str) -> str:
    """Under which failed tries of a name are counted: the name itself is not kept."""
    return marked(key, f"try:{way}", name.casefold())


# ---- sealed values -----------------------------------------------------------------------------


def _box(key: bytes, purpose: str) -> Any:
    from cryptography.fernet import Fernet

    derived = hmac.new(key, f"seal:{purpose}".encode(), hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(derived))


def seal(key: bytes, purpose: str, value: dict[str, str], now: datetime) -> str:
    """Values that only we can read and nobody can change (AES-128-CBC and HMAC-SHA-256)."""
    text = json.dumps(value, ensure_ascii=False).encode()
    return str(_box(key, purpose).encrypt_at_time(text, int(now.timestamp())).decode())


def unseal(
    key: bytes, purpose: str, sealed: str, now: datetime, *, seconds: int = 0
) -> dict[str, str]:
    """The sealed values; empty when the seal is broken, of another key or purpose, or too old."""
    from cryptography.fernet import InvalidToken

    box = _box(key, purpose)
    try:
        if seconds:
            text = box.decrypt_at_time(sealed.encode(), seconds, int(now.timestamp()))
        else:
            text = box.decrypt(sealed.encode())
        found: dict[str, str] = json.loads(text)
    except (InvalidToken, ValueError):
        return {}
    return found


# ---- the second factor -------------------------------------------------------------------------


def new_totp() -> str:
    """A new secret: 160 bits, as RFC 4226 §4 recommends."""
    import pyotp

    return str(pyotp.random_base32())


def totp_address(secret: str, name: str, issuer: str) -> str:
    """The otpauth address that an authenticator reads."""
    import pyotp

    return str(pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer))


def totp_step(secret: str, code: str, now: datetime, *, after: int) -> int:
    """The step whose code this is, later than the last one used; 0 when there is none."""
    import pyotp

    clean = "".join(code.split())
    if not (clean.isascii() and clean.isdigit()):
        return 0
    totp = pyotp.TOTP(secret)
    middle = int(now.timestamp()) // _STEP_SECONDS
    steps = range(middle - _WINDOW, middle + _WINDOW + 1)
    good = [step for step in steps if hmac.compare_digest(str(totp.generate_otp(step)), clean)]
    return next((step for step in good if step > after), 0)


def totp_picture(address: str) -> str:
    """The address as an inline SVG that a phone can read."""
    import segno

    code = segno.make(address, error="m", micro=False)
    return str(code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True))


# ---- recovery codes ----------------------------------------------------------------------------


def new_recovery() -> list[str]:
    """Codes for when the phone is lost: 50 bits each, usable once."""
    alphabet = "23456789abcdefghjkmnpqrstuvwxyz"

    def word() -> str:
        return "".join(secrets.choice(alphabet) for _ in range(5))

    return [f"{word()}-{word()}" for _ in range(CODES)]


def recovery_hash(key: bytes, name: str, code: str) -> str:
    """What is kept of a recovery code: useless without the home's key."""
    clean = "".join(char for char in code.casefold() if char.isalnum())
    return marked(key, f"recovery:{name}", clean)
