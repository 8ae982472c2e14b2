INSTALLED_APPS: list[str] = []
ROOT_URLCONF = "plain_site.urls"
SECRET_KEY = "a target of tests"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
