"""Exchange rates."""


def convert(cents: int, rate: float) -> int:
    """An amount in another currency, rounded half up to the cent."""
    return int(cents * rate)
