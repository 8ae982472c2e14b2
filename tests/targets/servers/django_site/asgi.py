import os

from django.core.asgi import get_asgi_application

import heaptide

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
app = heaptide.start(get_asgi_application())
