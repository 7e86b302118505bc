"""The commands in docs/api.md, run word for word against a service that listens."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from api_home import program, reviewing
from conftest import ROOT, missing
from duban.ledger.audit import rebuilt_differs
from duban.portal import access_table, api_openapi
from duban.portal.api_problem import KINDS
from portal_home import PDF, REPORT, SHORT, House, letter

TEXT = (ROOT / "docs" / "api.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(sh|json)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of a real server; its socket listens before anybody asks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, lifespan="off", log_config=None, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def ran(script: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_do_what_the_page_says(house: House, tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        missing("没有 curl 或 bash：接口文档的例子未运行")
    letter(house)
    (tmp_path / "minutes.pdf").write_bytes(PDF[1])
    answers = 0
    with serving(house.client.app) as address:
        environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "NO_PROXY": "*",
            "DUBAN": address,
            "TOKEN": program(house).token,
            "OFFICE_TOKEN": reviewing(house).token,
        }
        said = ""
        for kind, block in BLOCKS[:-1]:  # the last one is a refusal
            if kind == "sh":
                said = ran(block, tmp_path, environment)
            elif said:
                assert json.loads(said) == json.loads(block)
                answers, said = answers + 1, ""
    assert answers == 3
    assert house.row(REPORT)["state"] == "returned"
    assert house.row(SHORT)["state"] == "submitted"
    assert len(house.submissions(SHORT)[0]["id"]) > 0
    assert rebuilt_differs(house.portal.ledger) == []


def test_the_refusal_on_the_page_is_the_one_in_the_document() -> None:
    shown: Any = json.loads(BLOCKS[-1][1])
    assert shown in api_openapi.document()["components"]["schemas"]["Problem"]["examples"]
    rows = re.findall(r"^\| ([0-9, ]+) \| ([^|]+) \|", TEXT, re.MULTILINE)
    told = {
        int(status): word
        for statuses, words in rows
        for status, word in zip(statuses.split(","), re.findall(r"`([a-z-]+)`", words), strict=True)
    }
    assert told == {status: word for status, word in KINDS.items() if status != 410}


def test_every_address_is_on_the_page() -> None:
    for _, path in access_table.TABLE:
        if path.startswith("/api/v1/"):
            assert path in TEXT or f"`{path.rpartition('/')[2]}`" in TEXT, path
