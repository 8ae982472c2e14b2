"""gunicorn's configuration with the agent's hooks in it, for an app that has never heard of Heaptide."""

from heaptide.gunicorn import post_fork, post_worker_init

__all__ = ["post_fork", "post_worker_init"]
