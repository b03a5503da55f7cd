"""Amounts are whole cents."""


def format_amount(cents: int) -> str:
    """Cents as an amount with two decimals; refunds carry a minus sign."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def format_price(cents: int, symbol: str = "€") -> str:
    """Cents as a price, the currency symbol behind the amount."""
    return f"{format_amount(cents)} {symbol}"
