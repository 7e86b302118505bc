"""The OpenAPI document: it is what is served, what is written down, and what the answers keep to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as shapes

from api_home import V1, Program, operations, program, reviewing
from conftest import ROOT
from duban.ledger.audit import rebuilt_differs
from duban.ledger.events import Draft, verify_chain
from duban.portal import api_openapi
from duban.stages.upkeep import STALE
from portal_home import FINISH, KEY, REPORT, SHORT, House, letter, open_house

FILE = ROOT / "docs" / "schema" / "openapi.json"
DOCUMENT = api_openapi.document()


def test_what_is_served_is_what_is_written_down(
    house: House, cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    written = FILE.read_text("utf-8")
    assert written == api_openapi.text(), "运行 duban openapi --out docs/schema/openapi.json"
    assert Program(house, "").get("/openapi.json").json() == json.loads(written)
    assert cli("openapi", "--out", tmp_path / "made.json")[0] == 0
    assert (tmp_path / "made.json").read_text("utf-8") == written
    assert json.loads(cli("openapi")[1]) == json.loads(written)


def test_nothing_is_fetched_from_elsewhere() -> None:
    addresses = set(re.findall(r"https?://[^\s\"），。]+", FILE.read_text("utf-8")))
    assert addresses == {"http://127.0.0.1:8420"}


def every(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from every(each)  # fmt: skip


def test_every_operation_is_told_in_full() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    names = [each["operationId"] for path in DOCUMENT["paths"].values() for each in path.values()]
    assert len(set(names)) == len(names) == len(operations())
    for method, path in operations():
        told = DOCUMENT["paths"][path][method.lower()]
        assert not told["summary"].isascii()
        assert all(each.get("description") for each in told.get("parameters", ()))
        open_to_all = path in {f"{V1}/openapi.json", f"{V1}/healthz", f"{V1}/readyz"}
        assert told.get("security") == (None if open_to_all else [{"token": []}])
        for status, reply in told["responses"].items():
            assert ("$ref" in reply) == (status[0] != "2"), (path, status)
    for reference in (each["$ref"] for each in every(DOCUMENT) if "$ref" in each):
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_examples_are_true_to_their_shapes() -> None:
    registry: Registry[Any] = Registry().with_resource(
        "urn:doc", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
    )
    count = 0
    for name, shape in DOCUMENT["components"]["schemas"].items():
        Draft202012Validator.check_schema(shape)
        whole = Draft202012Validator(
            {"$ref": f"urn:doc#/components/schemas/{name}"}, registry=registry
        )
        for example in shape.get("examples", ()):
            assert [each.message for each in whole.iter_errors(example)] == [], name
            count += 1
    bodies = {"ReportIn", "KeyIn", "ExtensionIn", "ReviewIn", "Problem"}
    assert all(DOCUMENT["components"]["schemas"][each]["examples"] for each in bodies)
    assert count > 12


# ---- everything at once ------------------------------------------------------------------------

SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
ANSWERS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    shapes.status_code_conformance,
    shapes.content_type_conformance,
    shapes.response_headers_conformance,
    shapes.response_schema_conformance,
]
REAL = {
    "key": [REPORT, SHORT, FINISH, "A-4/fy/finish:2026-W47"],
    "submission": [f"{REPORT}#1", f"{SHORT}#1"],
    "id": [f"{REPORT}#1", f"{SHORT}#1"],
    "unit": ["longhu", "fy"],
}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def filled(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[House, int]]:
    """An office with something to find, on each database; how many examples of each operation."""
    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_DATABASE_URL", "DUBAN_LINK_KEY"):
        monkeypatch.delenv(name, raising=False)
    if request.param == "postgres":
        monkeypatch.setenv("DUBAN_DATABASE_URL", request.getfixturevalue("postgres_url"))
    with open_house(tmp_path / "home") as house:
        letter(house)
        program(house).report(REPORT, figures={"mediated": "1.5"})
        now = house.watch()
        ticked = {"logical_at": now, "finished_at": now, "counts": "{}"}
        ticks = [Draft("stage.ticked", name, {"stage": name} | ticked) for name in STALE]
        with house.portal.ledger.write("test") as writing:
            writing.record(*ticks)
        yield house, 12 if request.param == "sqlite" else 3


def tried(house: House, case: Any, callers: list[Program], data: st.DataObject) -> httpx.Response:
    """Send a made-up case, some of them with what really exists, as one of our programs."""
    for given_values in (case.query, case.body):
        for name in REAL.keys() & set(given_values if isinstance(given_values, dict) else ()):
            if data.draw(st.booleans()):
                given_values[name] = data.draw(st.sampled_from(REAL[name]))
    house.watch.at += timedelta(seconds=21)  # nobody is too fast
    sent = case.as_transport_kwargs(base_url="http://testserver")
    headers = dict(sent["headers"])
    if "Authorization" not in headers or data.draw(st.integers(0, 9)):
        headers["Authorization"] = f"Bearer {data.draw(st.sampled_from(callers)).token}"
    more = {name: sent[name] for name in ("params", "json", "files") if sent.get(name) is not None}
    if sent.get("data") is not None:
        more["content"] = sent["data"]
    return house.client.request(sent["method"], sent["url"], headers=headers, **more)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_whatever_is_sent_the_answer_is_as_documented(
    filled: tuple[House, int], mode: GenerationMode
) -> None:
    house, examples = filled
    callers = [program(house), reviewing(house)]
    statuses: set[int] = set()
    for method, path in operations():
        told = DOCUMENT["paths"][path][method.lower()]
        if mode is GenerationMode.NEGATIVE and not told.keys() & {"parameters", "requestBody"}:
            continue  # what takes nothing cannot be called wrongly
        if mode is GenerationMode.NEGATIVE and (method, path) == ("POST", f"{V1}/evidence"):
            continue  # any bytes are bytes; what they may not be is told in test_api
        cases = SCHEMA[path][method].as_strategy(generation_mode=mode)

        @seed(20261123)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases, data=st.data())
        def send(case: Any, data: st.DataObject) -> None:
            reply = tried(house, case, callers, data)
            case.validate_response(reply, checks=ANSWERS)
            statuses.add(reply.status_code)

        send()
    assert statuses >= ({200, 404} if mode is GenerationMode.POSITIVE else {422})
    assert examples < 10 or mode is GenerationMode.NEGATIVE or 201 in statuses
    with house.portal.ledger.read() as conn:
        assert verify_chain(conn) is None
    assert rebuilt_differs(house.portal.ledger) == []
