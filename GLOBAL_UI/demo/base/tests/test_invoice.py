from invoicing.invoice import Invoice, Line


def test_the_total_holds_the_tax():
    assert Invoice([Line("desk", 10000), Line("lamp", 2500)]).total() == 15000
