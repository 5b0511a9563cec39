"""What apps import to stay up, and the contract that both halves of Seawall share."""
