"""The Celery app with the one call in it."""

from plain_tasks import app

import heaptide

heaptide.start(app)
