"""What is sold."""

from django.db import models


class Order(models.Model):
    """One order."""

    number = models.UUIDField(unique=True)
    """Made by the client: an order that is sent twice is taken once."""
    product = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()
