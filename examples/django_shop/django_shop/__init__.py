"""A shop in Django, over a database with replicas."""
