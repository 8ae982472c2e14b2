"""Every failure as an answer: a sentence and a code, never a traceback."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from heaptide_server.ingest.problem import Problem
from heaptide_server.pages import not_found
from heaptide_server.store.protocol import StoreUnavailable

RETRY_AFTER_S = 5
_CODES = {404: "not_found", 405: "method_not_allowed"}


def install(app: FastAPI) -> None:
    """Gives the app its answers to what fails."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(StoreUnavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _internal)


def _answer(problem: Problem) -> JSONResponse:
    return JSONResponse(problem.body, problem.status, problem.headers)


def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(error)


def _unavailable(_request: Request, error: Exception) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    message = f"The store can't write now: {error}. Nothing was stored; send it again."
    return _answer(Problem(503, "store_unavailable", message, headers=headers))


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part)[:60] for part in first["loc"] if part not in ("body", "query", "path"))
    if first["type"] == "json_invalid":
        return _answer(Problem(400, "bad_json", f"The body isn't JSON: {first['ctx']['error']}."))
    return _answer(Problem(422, "invalid_request", f"{first['msg']}.", field or None))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and not request.url.path.startswith("/api/"):
        return not_found()
    code = _CODES.get(error.status_code, "refused")
    message = f"{request.method} {request.url.path[:200]}: {error.detail}."
    return _answer(Problem(error.status_code, code, message, headers=dict(error.headers or {})))


def _internal(_request: Request, _error: Exception) -> Response:
    # Starlette raises the error again after this answer, so the server's log has it whole.
    return _answer(Problem(500, "internal", "The collector failed; its log says why."))
