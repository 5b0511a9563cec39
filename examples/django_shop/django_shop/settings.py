"""A project's settings. What has to do with replicas is in the first half; the rest is any small project's."""

import os

DATABASES = {
    "default": {  # the writer, whoever that is now: no HOST
        "ENGINE": "seawall.replicas_django.postgresql",
        "NAME": os.environ.get("SHOP_DATABASE", "shop"),
        "USER": os.environ.get("SHOP_DATABASE_USER", "shop"),
        "PASSWORD": os.environ["SHOP_DATABASE_PASSWORD"],
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASE_ROUTERS = ["seawall.replicas_django.SeawallRouter"]
SEAWALL_REPLICAS = "django_shop.replicas.make_router"
INSTALLED_APPS = ["seawall.replicas_django", "django_shop"]
MIDDLEWARE = [
    "seawall.replicas_django.ReplicaMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django_shop.views.WhenTheDatabaseIsAway",
]

SECRET_KEY = os.environ["SHOP_SECRET_KEY"]  # signs the consistency cookie, too
SESSION_COOKIE_SECURE = os.environ.get("SHOP_INSECURE_COOKIES") is None  # and with it the consistency cookie
ROOT_URLCONF = "django_shop.views"
ALLOWED_HOSTS = os.environ.get("SHOP_HOSTS", "127.0.0.1").split(",")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
LOGGING = {  # Django's own shows errors only while DEBUG is on
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
