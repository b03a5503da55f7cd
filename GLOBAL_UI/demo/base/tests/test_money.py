from invoicing.money import format_amount


def test_an_amount_has_two_decimals():
    assert format_amount(1205) == "12.05"
