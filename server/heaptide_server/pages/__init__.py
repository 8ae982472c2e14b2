"""The dashboard over HTTP: what store and ledger answer, turned into views and served as pages."""

from heaptide_server.pages.alerts import router as alerts_router
from heaptide_server.pages.checks import router as checks_router
from heaptide_server.pages.compare import router as compare_router
from heaptide_server.pages.exports import router as exports_router
from heaptide_server.pages.health import router as health_router
from heaptide_server.pages.live import router as live_router
from heaptide_server.pages.problems import not_found
from heaptide_server.pages.routes import router
from heaptide_server.pages.static import router as static_router

__all__ = [
    "alerts_router",
    "checks_router",
    "compare_router",
    "exports_router",
    "health_router",
    "live_router",
    "not_found",
    "router",
    "static_router",
]
