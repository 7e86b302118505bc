"""The portal: pages for the units and the office. ``uvicorn --factory duban.portal.app:create_app``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from duban import clock
from duban.clock import Clock
from duban.portal import (
    api,
    contact_pages,
    office_pages,
    pages,
    paper_pages,
    review_pages,
    unit_pages,
)
from duban.portal.guard import Guard
from duban.portal.state import open_portal

PARTS = (pages, unit_pages, office_pages, review_pages, contact_pages, paper_pages, api)


class _Static(StaticFiles):
    """Style and script; their address changes with their content, so browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response


def create_app(home: str | None = None, *, ask: Clock = clock.now) -> FastAPI:
    """The portal of a home folder (default ``DUBAN_HOME``). ``ask``: its clock, told in tests.

    Raises DubanError when the office's files have mistakes or the ledger cannot be opened. FastAPI's own
    documentation pages are off: they would load scripts from another host.
    """
    portal = open_portal(home, ask)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        portal.close()

    app = FastAPI(title="督办", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    app.state.portal = portal
    app.add_middleware(Guard)
    pages.add_refusals(app)
    for part in PARTS:
        app.include_router(part.router)
    app.mount("/static", _Static(directory=pages.FOLDER / "static"), name="static")
    return app
