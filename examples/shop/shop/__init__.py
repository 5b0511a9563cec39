"""The demo app: a shop in two regions that stays up with `seawall`."""
