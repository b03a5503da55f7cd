from invoicing.invoice import Invoice, Line


def test_the_total_holds_the_tax():
    assert Invoice([Line("desk", 10000), Line("lamp", 2500)]).total() == 15000


def test_the_discount_goes_off_before_tax():
    assert Invoice([Line("desk", 10000)], discount=10).total() == 10800
