"""Where Prefect lives in a home folder, and the settings its processes are given. Free of Prefect."""

from __future__ import annotations

import os
from pathlib import Path

HEARTBEAT_SECONDS = 30
"""How often a running flow says that it lives (Prefect's own floor is 30)."""

QUIET_SECONDS = 90
"""Three missed heartbeats: a run without a sign of life for so long counts as dead."""

_FIXED = {
    # No call to any outside host: neither the server, nor a client, nor the browser of an operator.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # Without an address a client must fail, never quietly start a second server of its own.
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
}

_DEFAULTS = {
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "PREFECT_RUNNER_POLL_FREQUENCY": "5",
    # Slots that runs hold outlive a restart of the server.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    # Prefect's history is disposable; ours is the ledger.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "duban,notifier",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_COLORS": "false",
    "PYTHONUNBUFFERED": "1",
    # A child's working folder is the home: a clerk's file there must never shadow a module.
    "PYTHONSAFEPATH": "1",
}

# A profile, key or address of another installation must not lead our runs astray.
FOREIGN = ("PREFECT_PROFILE", "PREFECT_API_KEY", "PREFECT_API_URL", "PREFECT_PROFILES_PATH")


def var(home: Path) -> Path:
    """The folder of a home for what the software itself keeps (``var/``), as an absolute path."""
    return home.resolve() / "var"


def prefect_home(home: Path) -> Path:
    """The folder where Prefect keeps its database, results and pages (``var/prefect``)."""
    return var(home) / "prefect"


def log_file(home: Path, name: str) -> Path:
    """The log of one process (``var/log/NAME.log``); its folder is made when missing."""
    folder = var(home) / "log"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def api_url(port: int) -> str:
    """The address of the embedded server's API; it listens on loopback only."""
    return f"http://127.0.0.1:{port}/api"


def settings(home: Path, api: str | None) -> dict[str, str]:
    """The settings of one of our processes: Prefect's, and ``DUBAN_HOME``.

    An operator's own ``PREFECT_…`` variables win over our defaults, never over what keeps Duban
    from calling out or from mixing with another Prefect installation.
    """
    prefect = prefect_home(home)
    ours = {
        **_DEFAULTS,
        **{key: text for key, text in os.environ.items() if key in _DEFAULTS},
        **_FIXED,
        "PREFECT_HOME": str(prefect),
        "PREFECT_PROFILES_PATH": str(prefect / "profiles.toml"),
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(prefect / "pages"),
        "DUBAN_HOME": str(home.resolve()),
        **_past_the_proxy(),
    }
    return {**ours, "PREFECT_API_URL": api} if api else ours


def _past_the_proxy() -> dict[str, str]:
    """An office's web proxy must not be asked for our own server on loopback."""
    spelled = [os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    hosts = ",".join(filter(None, [*dict.fromkeys(spelled), "127.0.0.1,localhost"]))
    return {"no_proxy": hosts, "NO_PROXY": hosts}


def environment(home: Path, api: str | None) -> dict[str, str]:
    """The whole environment of a child process."""
    inherited = {key: text for key, text in os.environ.items() if key not in FOREIGN}
    return {**inherited, **settings(home, api)}
