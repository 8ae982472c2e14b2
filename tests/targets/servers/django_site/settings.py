INSTALLED_APPS = ["heaptide.django"]
ROOT_URLCONF = "django_site.urls"
SECRET_KEY = "a target of tests"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
