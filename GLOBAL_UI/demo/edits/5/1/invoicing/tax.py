"""Value added tax."""

STANDARD_PERCENT = 20
REDUCED_PERCENT = 10


def vat(cents: int, percent: int = STANDARD_PERCENT) -> int:
    """The tax on an amount, rounded half up to the cent."""
    return (cents * percent + 50) // 100
