"""Discounts in percent."""


def take_off(cents: int, percent: int) -> int:
    """An amount with a percentage taken off, rounded to the cent in the customer's favour."""
    if not 0 <= percent <= 100:
        raise ValueError(f"a discount of {percent} percent is not between 0 and 100")
    return cents * (100 - percent) // 100
