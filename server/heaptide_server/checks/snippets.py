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

SHARED_CLIENT = {
    "httpx": """Make one client for the process, and close it at shutdown:

    @asynccontextmanager
    async def lifespan(app):
        async with httpx.AsyncClient(timeout=10) as client:
            app.state.http = client
            yield""",
    "requests": """Make one session for the process (or for each thread), or close each:

    with requests.Session() as session:
        session.get(url, timeout=10)""",
    "aiohttp": """Make one session for the process, and close it at shutdown:

    async with aiohttp.ClientSession() as session:
        app["http"] = session
        yield""",
    "urllib3": """Make one pool manager for the process:

    HTTP = urllib3.PoolManager(maxsize=20)""",
}
