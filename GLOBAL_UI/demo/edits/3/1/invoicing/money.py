"""Amounts are whole cents."""


def format_amount(cents: int) -> str:
    """Cents as an amount with two decimals; refunds carry a minus sign."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{cents // 100}.{cents % 100:02d}"
