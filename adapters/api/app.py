"""The API put together: routes, gate, problems, figures and description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from adapters.api import cases, ddas, messages, operator, reports, signals, views
from adapters.api.auth import Gate
from adapters.api.case_pages import case_router
from adapters.api.description import VERSION, describe_api
from adapters.api.handoff_pages import handoff_router
from adapters.api.limits import RateLimit
from adapters.api.metrics import AnswersHead, Measured, Metrics
from adapters.api.monitor_pages import monitor_router
from adapters.api.own_pages import feed_router, own_router
from adapters.api.page_parts import use_theme
from adapters.api.policy_pages import policy_router
from adapters.api.postbak_pages import postbak_router
from adapters.api.problems import answer_problems
from adapters.api.resident_pages import resident_router
from adapters.api.theme import theme_of
from adapters.api.upkeep_pages import upkeep_router
from adapters.api.work_pages import work_router
from adapters.api.workload_pages import workload_router
from adapters.exchange.clients import ensure_first_client
from adapters.exchange.event_mapping import read_rules

if TYPE_CHECKING:
    from adapters.office import Office


def page_routers(office: Office) -> tuple[APIRouter, ...]:
    """Return the routes of the pages for who is known, in the colours that the settings name."""
    use_theme(theme_of(office.settings.theme_file))
    return (
        work_router(office),
        workload_router(office),
        own_router(office),
        case_router(office),
        postbak_router(office),
        monitor_router(office),
        policy_router(office),
        upkeep_router(office),
    )


def create_pages(office: Office) -> FastAPI:
    """Return our pages alone, to stand behind a door that knows who asks."""
    pages = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    pages.state.office = office
    for router in page_routers(office):
        pages.include_router(router)
    return pages


def create_api(office: Office) -> FastAPI:
    """Return the API on the case database of an office; makes a first client where there is none."""
    ensure_first_client(office)
    signals.empty_incoming(office.settings)
    read_rules(office.settings.events_file)  # a wrong table stops the start, not the first message
    api = FastAPI(
        title="routekaart",
        version=VERSION,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.office = office
    api.state.gate = Gate(office, RateLimit(office.settings.api_requests_per_second))
    api.state.metrics = Metrics(office)
    routers = (
        cases.router,
        signals.router,
        ddas.router,
        ddas.tokens,
        messages.router,
        reports.router,
        views.guarded,
        views.health,
        operator.router,
        handoff_router(office),
        feed_router(office),
        resident_router(office),
        *page_routers(office),
    )
    for router in routers:
        api.include_router(router)
    api.state.routes = [route for router in routers for route in router.routes]
    answer_problems(api)
    # Level 9 takes three times as long and saves a fiftieth.
    api.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    api.add_middleware(Measured, metrics=api.state.metrics, version=VERSION)
    api.add_middleware(AnswersHead)

    # Outermost: the address of who calls is that of a proxy's header only where that proxy is known.
    api.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(office.settings.trusted_proxies))

    def openapi() -> dict[str, Any]:
        return describe_api(api)

    api.openapi = openapi  # type: ignore[method-assign]
    return api
