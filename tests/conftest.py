"""What tests share: a told clock, small homes, and a ledger on both databases."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
import sqlalchemy as sa
from hypothesis import settings

from duban import clock
from duban.ledger.store import Ledger, open_ledger

# The same examples every time: a run that is red is red for everybody. New ones come with new code.
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")

if TYPE_CHECKING:
    from ladder_play import Starts
    from portal_home import House

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = os.environ.get(
    "DUBAN_TEST_POSTGRES", "postgresql+psycopg://root@127.0.0.1:5432/postgres"
)


def missing(what: str) -> NoReturn:
    """Say what could not be run and why; in CI a missing part is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


class Told:
    """A clock that shows what it was told: ``told.moment = …``."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def set(self, text: str) -> datetime:
        """Set the clock by ``2026-11-22 08:30`` in Asia/Shanghai."""
        self.moment = datetime.fromisoformat(text).replace(tzinfo=clock.SHANGHAI)
        return self.moment


@pytest.fixture
def told() -> Told:
    return Told(datetime(2026, 1, 5, 8, 0, tzinfo=clock.SHANGHAI))


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The address of a PostgreSQL that answers; in CI its absence is a failure, elsewhere a skip."""
    engine = sa.create_engine(POSTGRES, connect_args={"connect_timeout": 5})
    try:
        with engine.connect():
            return POSTGRES
    except sa.exc.OperationalError:
        missing(f"没有可用的 PostgreSQL（{POSTGRES}）：相关测试未运行")
    finally:
        engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A URL whose tables lie in a schema of the test's own."""
    schema = f"duban_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(postgres_server)
    with engine.begin() as conn:
        conn.execute(sa.schema.CreateSchema(schema))
    url = sa.make_url(postgres_server).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    with engine.begin() as conn:
        conn.execute(sa.schema.DropSchema(schema, cascade=True))
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def ledger(ledger_url: str, told: Told) -> Iterator[Ledger]:
    opened = open_ledger(ledger_url, ask=told)
    yield opened
    opened.close()


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A home with the files that ship."""
    return copy_home(tmp_path / "home")


def copy_home(target: Path) -> Path:
    """Copy the shipped ``tasks_def/`` and ``config/``."""
    for name in ("tasks_def", "config"):
        shutil.copytree(ROOT / name, target / name)
    return target


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A small office with its portal; the web framework is imported only where it is asked for."""
    from portal_home import KEY, open_house

    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_DATABASE_URL", "DUBAN_LINK_KEY"):
        monkeypatch.delenv(name, raising=False)
    with open_house(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: its exit code, what it said, and what it noted."""
    from duban.cli import main

    for name in ("DUBAN_HOME", "DUBAN_EXAMPLE", "DUBAN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(arg) for arg in args])
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's key and certificate in one file; ``.crt`` beside it is the certificate alone."""
    if shutil.which("openssl") is None:
        missing("没有 openssl：TLS 测试未运行")
    made = tmp_path_factory.mktemp("tls") / "both.pem"
    order = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(made), "-out", str(made.with_suffix(".crt"))]
    subprocess.run(["openssl", *order.split(), *names, *files], check=True, capture_output=True)
    made.write_text(made.read_text() + made.with_suffix(".crt").read_text())
    return made


@pytest.fixture
def starts(tmp_path: Path, told: Told) -> Iterator[Starts]:
    """Starts a small office whose mornings a test plays, on SQLite."""
    from ladder_play import starting

    opened = open_ledger(f"sqlite:///{tmp_path / 'fast.sqlite3'}", ask=told, durable=False)
    yield starting(tmp_path, opened, told)
    opened.close()


@pytest.fixture
def starts_both(tmp_path: Path, ledger: Ledger, told: Told) -> Starts:
    """The same on each database."""
    from ladder_play import starting

    return starting(tmp_path, ledger, told)
