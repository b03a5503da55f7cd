"""Adding up an invoice."""

from dataclasses import dataclass, field

from invoicing.tax import vat


@dataclass(frozen=True)
class Line:
    """One position: a text and a price in cents."""

    text: str
    cents: int


@dataclass
class Invoice:
    """Positions and what they add up to."""

    lines: list[Line] = field(default_factory=list)

    def net(self) -> int:
        """The sum without tax."""
        return sum(line.cents for line in self.lines)

    def total(self) -> int:
        """The sum with tax."""
        return self.net() + vat(self.net())
