"""The dashboard over HTTP: what store and ledger answer, turned into views and served as pages."""

from heaptide_server.pages.problems import not_found
from heaptide_server.pages.routes import router

__all__ = ["not_found", "router"]
