"""JSON text that is the same for the same value. Pure."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from duban import clock


def canonical(value: Any) -> str:
    """JSON text that is the same for the same value: sorted keys, no spaces, exact decimals."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain
    )


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return clock.stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    msg = f"{type(value).__name__} does not belong in an event"
    raise TypeError(msg)
