"""A failover's tables in DynamoDB, as its settings name them.

Source: DynamoDB developer guide, "Naming rules".
"""

import re
from typing import Final

TABLE_NAME: Final = re.compile(r"[A-Za-z0-9._-]{3,255}")
ALLOWED_NAME: Final = "3 to 255 letters, digits, dots, hyphens, underscores"


def table_place(region: str, name: str) -> str:
    """A table as the settings name it; without a name, what comes before that."""
    return f"dynamodb://{region}/{name}"
