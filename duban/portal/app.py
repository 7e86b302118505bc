"""The portal: pages for the units and the office. ``uvicorn --factory duban.portal.app:create_app``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from duban import clock
from duban.clock import Clock
from duban.errors import UsageError
from duban.portal import (
    access_table,
    accounts,
    api,
    api_access,
    api_openapi,
    api_problem,
    api_read,
    api_told,
    api_write,
    contact_pages,
    export_pages,
    form_pages,
    item_pages,
    office_pages,
    oidc,
    pages,
    paper_pages,
    preview_pages,
    proposal_pages,
    record_pages,
    request_pages,
    review_pages,
    sign_in,
    sign_in_oidc,
    unit_board,
    unit_pages,
    unit_reports,
    unit_requests,
)
from duban.portal.gate import gate
from duban.portal.guard import Guard, allowed_hosts
from duban.portal.state import Portal, open_portal

PARTS = (
    pages,
    sign_in,
    sign_in_oidc,
    accounts,
    record_pages,
    unit_pages,
    unit_reports,
    unit_requests,
    office_pages,
    item_pages,
    unit_board,
    export_pages,
    review_pages,
    request_pages,
    proposal_pages,
    contact_pages,
    form_pages,
    paper_pages,
    preview_pages,
    api,
    api_openapi,
    api_read,
    api_told,
    api_write,
)


def _need_table() -> None:
    missing = access_table.unlisted(part.router for part in PARTS)
    if missing:
        raise UsageError(
            f"这些网址没有写明对谁开放，网页没有启动：{'、'.join(missing)}。",
            "在 duban/portal/access_table.py 里给每个网址写一行。",
        )


def _need_service(portal: Portal) -> None:
    """A sign-in service that is set but cannot be used stops the start, not the first visitor."""
    settings = portal.office.settings.sign_in.oidc
    if settings is not None:
        try:
            oidc.need_extra()
            settings.secret()
        except UsageError:
            portal.close()
            raise


class _Static(StaticFiles):
    """Style and script; their address changes with their content, so browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response


def create_app(home: str | None = None, *, ask: Clock = clock.now) -> FastAPI:
    """The portal of a home folder (default ``DUBAN_HOME``). ``ask``: its clock, told in tests.

    Raises DubanError when the office's files have mistakes or the ledger cannot be opened, and UsageError
    for a route without a line in the access table. FastAPI's own documentation pages are off: they would
    load scripts from another host.
    """
    _need_table()
    portal = open_portal(home, ask)
    _need_service(portal)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        portal.close()

    app = FastAPI(
        title="督办",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=life,
        dependencies=[Depends(gate)],
    )
    app.state.portal = portal
    app.state.paces = api_access.new_paces()
    app.add_middleware(Guard, hosts=lambda: allowed_hosts(portal.office.settings))
    pages.add_refusals(app)
    api_problem.add_refusals(app)
    for part in PARTS:
        app.include_router(part.router)
    app.mount("/static", _Static(directory=pages.FOLDER / "static"), name="static")
    return app
