"""Programs at the small office of ``portal_home``: each with a token of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from httpx import Response

from duban.accounts import Role
from duban.ledger import accounts, tokens
from duban.portal import api_openapi
from portal_home import PDF, House

V1 = "/api/v1"
REVIEWER = "审核乙"
OCTETS = "application/octet-stream"


@dataclass
class Program:
    """A program that speaks to the API. Without a token it is nobody's."""

    house: House
    token: str

    def ask(self, method: str, path: str, **more: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= more.pop("headers", {})
        return self.house.browser().request(method, V1 + path, headers=headers, **more)

    def get(self, path: str, **params: Any) -> Response:
        # httpx would drop the query of the address itself
        return self.ask("GET", path, **({"params": params} if params else {}))

    def post(self, path: str, body: Any, **headers: str) -> Response:
        return self.ask("POST", path, json=body, headers=headers)

    def report(self, key: str, number: str = "n1", /, **body: Any) -> Response:
        told = {"key": key, "progress": "调解3件。"} | body
        return self.post("/submissions", told, **{"Idempotency-Key": number})

    def upload(self, name: str = PDF[0], content: bytes = PDF[1], kind: str = OCTETS) -> Response:
        headers = {"Content-Type": kind}
        return self.ask(
            "POST", "/evidence", params={"name": name}, content=content, headers=headers
        )


def program(
    house: House,
    unit: str = "longhu",
    scopes: Sequence[str] = ("read", "submit"),
    *,
    name: str = "OA系统",
    account: str = "",
    days: int = 180,
) -> Program:
    with house.portal.ledger.write("test") as writing:
        wish = tokens.Wish(name, unit, account, scopes, days)
        return Program(house, tokens.issue(writing, wish, units=house.portal.office.units))


def reviewing(house: House) -> Program:
    """The office's program, which acts in the name of an account."""
    with house.portal.ledger.write("test") as writing:
        if accounts.account(writing.conn, REVIEWER) is None:
            accounts.add(writing, REVIEWER, Role.REVIEWER)
    return program(house, "", ("read", "review"), account=REVIEWER)


def is_problem(reply: Response, status: int, *fields: str) -> dict[str, Any]:
    """The refusal, which has every part, a way out, Chinese words and these fields."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = reply.json()
    assert set(said) >= {"type", "title", "status", "detail", "way_out", "errors"}
    assert said["status"] == status
    assert said["type"].startswith("urn:duban:problem:")
    assert all(said[name] and not said[name].isascii() for name in ("title", "detail", "way_out"))
    if fields:
        assert [each["field"] for each in said["errors"]] == list(fields)
    for each in said["errors"]:
        assert set(each) == {"field", "message", "way_out"}
        assert not each["message"].isascii()
    return said


def operations() -> list[tuple[str, str]]:
    """Every (method, path) of the document."""
    return [
        (method.upper(), path)
        for path, methods in api_openapi.document()["paths"].items()
        for method in methods
    ]
