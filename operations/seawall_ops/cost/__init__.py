"""What a stack costs per month, by a table of list prices: an estimate whose gaps are named.

`prices` reads the table, `estimate` prices resources by it. No network: AWS is not asked, and a price that is not in the
table is unknown, never nothing.
"""

from seawall_ops.cost.estimate import Estimate, Line, estimate
from seawall_ops.cost.prices import Prices, load_prices

__all__ = ["Estimate", "Line", "Prices", "estimate", "load_prices"]
