"""Where each server and framework is watched under `heaptide run`: what is done to its module after its import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any


def _agent() -> Any:
    from heaptide.lifecycle import AGENT

    return AGENT


def _uvicorn(module: Any) -> None:
    load = module.Config.load

    def watched_load(config: Any) -> None:
        _agent().arm()
        load(config)
        config.loaded_app = _agent().start(config.loaded_app, {}, "__main__")

    module.Config.load = watched_load


def _gunicorn(module: Any) -> None:
    init_process = module.Worker.init_process

    def watched_init_process(worker: Any) -> None:
        _agent().arm()
        load_app = worker.app.wsgi
        worker.app.wsgi = lambda: _agent().start(load_app(), {}, "__main__")
        init_process(worker)

    module.Worker.init_process = watched_init_process


def _hypercorn(module: Any) -> None:
    wrap_app = module.wrap_app
    module.load_application = _armed(module.load_application)
    module.wrap_app = lambda app, *rest: wrap_app(_agent().start(app, {}, "__main__"), *rest)


def _granian(module: Any) -> None:
    load_target = _armed(module.load_target)
    module.load_target = lambda *words, **named: _agent().start(load_target(*words, **named), {}, "__main__")


def _armed(load: Callable[..., Any]) -> Callable[..., Any]:
    """Traces what the app's import allocates, too."""

    def armed_load(*words: Any, **named: Any) -> Any:
        _agent().arm()
        return load(*words, **named)

    return armed_load


def _celery(module: Any) -> None:
    from heaptide.celery import watch_tasks

    watch_tasks(module, _agent())
    if "worker" in sys.argv[1:]:
        _agent().arm()


def _django(module: Any) -> None:
    from heaptide.django.counting import count

    module.request_started.connect(count, dispatch_uid="heaptide")


def _flask(module: Any) -> None:
    from heaptide.middleware import is_first_environ

    answer = module.Flask.wsgi_app

    def watched_answer(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        if is_first_environ(environ):
            _agent().count()
        return answer(app, environ, start_response)

    module.Flask.wsgi_app = watched_answer


# For a module's name, what is done to it once it is imported.
PATCHES: Mapping[str, Callable[[Any], None]] = MappingProxyType(
    {
        "uvicorn.config": _uvicorn,
        "gunicorn.workers.base": _gunicorn,
        "hypercorn.utils": _hypercorn,
        "granian._internal": _granian,
        "celery.signals": _celery,
        "django.core.signals": _django,
        "flask.app": _flask,
    }
)
