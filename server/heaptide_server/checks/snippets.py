"""What people paste: each a sentence that says what to do, then the lines."""

from __future__ import annotations

WITHOUT_RELOAD = """Start it without --reload, with a master that restarts workers:

    gunicorn -k uvicorn_worker.UvicornWorker -w 2 shop.main:app"""

DOCKER_RESTART = """Look at the policy, and set one that restarts:

    docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' CONTAINER
    docker update --restart unless-stopped CONTAINER

In a compose file: restart: unless-stopped"""

GRANIAN_RESPAWN = """Tell granian to start failed workers anew:

    granian --respawn-failed-workers ..."""


def restart_in_unit(unit: str) -> str:
    """Adds Restart= to a unit."""
    return f"""Have systemd start it again: systemctl edit {unit}, and paste

    [Service]
    Restart=always
    RestartSec=2

Then: systemctl daemon-reload && systemctl restart {unit}"""


def unit_with_gunicorn(workers: int) -> str:
    """Two ways to have workers restarted: a master, and systemd above it."""
    return f"""Run it under a master that restarts workers, and have systemd look after the master:

    [Service]
    ExecStart=/srv/shop/.venv/bin/gunicorn -k uvicorn_worker.UvicornWorker -w {max(workers, 2)} shop.main:app
    Restart=always
    RestartSec=2

    [Install]
    WantedBy=multi-user.target

In Kubernetes or with docker run --restart unless-stopped, the container's runtime does the same."""


def recycling(server: str, max_requests: int, jitter: int, several: bool, share_mib: int | None) -> str:
    """How to have a server recycle workers, as a line to paste.

    Args:
        server: its name.
        max_requests: after how many requests.
        jitter: how many more at the most, drawn for each worker.
        several: whether a master is there to start a recycled worker anew.
        share_mib: a worker's share of the memory limit, None without a limit.
    """
    counted = f"--max-requests {max_requests} --max-requests-jitter {jitter}"
    if server == "granian":  # it counts no requests
        return f"granian --workers-max-rss {share_mib or 512} --respawn-failed-workers ..."
    if server == "uvicorn" and several:
        return f"uvicorn --limit-max-requests {max_requests} --limit-max-requests-jitter {jitter} ..."
    if server == "uvicorn":
        return (
            "# uvicorn alone would end and stay away: use a master\n"
            f"    gunicorn -k uvicorn_worker.UvicornWorker -w 2 {counted} shop.main:app"
        )
    return f"{server} {counted} ..."


LIFESPAN = """Open what the app shares when it starts, and close it when it ends:

    @asynccontextmanager
    async def lifespan(app):
        app.state.http = httpx.AsyncClient()
        yield
        await app.state.http.aclose()

    app = FastAPI(lifespan=lifespan)"""

_SHARED = """Make one {what} for the process, and close it at shutdown:

    @asynccontextmanager
    async def lifespan(app):
        {opening} as client:
            app.state.http = client
            yield

    app = FastAPI(lifespan=lifespan)

A request finds it as request.app.state.http."""

_SESSION_A_THREAD = """Make one session for each thread, and keep it:

    LOCAL = threading.local()

    def http():
        if not hasattr(LOCAL, "session"):
            LOCAL.session = requests.Session()
        return LOCAL.session

And in the endpoint: http().get(url, timeout=10)"""

_POOL_MANAGER = """Make one pool manager for the process:

    HTTP = urllib3.PoolManager(maxsize=20)"""


def shared_client(library: str, kind: str) -> str:
    """One client for the app's lifetime, in the words of its library.

    Args:
        library: the client's package.
        kind: its class, with or without its module.
    """
    if library == "requests":
        return _SESSION_A_THREAD
    if library == "urllib3":
        return _POOL_MANAGER
    if library == "aiohttp":
        return _SHARED.format(what="session", opening="async with aiohttp.ClientSession()")
    name = "Client" if kind.endswith(".Client") else "AsyncClient"
    opening = f"{'with' if name == 'Client' else 'async with'} {library}.{name}(timeout=10)"
    return _SHARED.format(what="client", opening=opening)
