from invoicing.money import format_price


def test_the_symbol_stands_behind_the_amount():
    assert format_price(1205) == "12.05 €"


def test_a_refund_has_a_symbol_too():
    assert format_price(-5, "$") == "-0.05 $"
