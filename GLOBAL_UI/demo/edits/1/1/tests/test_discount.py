import pytest

from invoicing.discount import take_off


def test_a_tenth_off():
    assert take_off(10000, 10) == 9000


def test_a_discount_is_a_percentage():
    with pytest.raises(ValueError, match="between 0 and 100"):
        take_off(10000, 101)
