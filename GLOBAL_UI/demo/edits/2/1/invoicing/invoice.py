"""Adding up an invoice."""

import math
from dataclasses import dataclass, field

from invoicing.tax import vat
from invoicing.discount import take_off


@dataclass(frozen=True)
class Line:
    """One position: a text and a price in cents."""

    text: str
    cents: int


@dataclass
class Invoice:
    """Positions, a discount in percent, and what they add up to."""

    lines: list[Line] = field(default_factory=list)
    discount: int = 0

    def net(self) -> int:
        """The sum after the discount, without tax."""
        return take_off(sum(line.cents for line in self.lines), self.discount)

    def total(self) -> int:
        """The sum with tax."""
        return self.net() + vat(self.net())
