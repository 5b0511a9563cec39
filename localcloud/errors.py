"""What the local cloud raises: one line each, for whoever typed `make`."""

from seawall.errors import SeawallError


class LocalCloudError(SeawallError):
    """Something of the local cloud cannot go on; the message says what to do."""
