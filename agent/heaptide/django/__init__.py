"""The Django app: INSTALLED_APPS = ["heaptide.django", ...]."""
