import os

from django.http import HttpRequest, JsonResponse
from django.urls import path


def index(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"pid": os.getpid()})


urlpatterns = [path("", index)]
