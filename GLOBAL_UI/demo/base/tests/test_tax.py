from invoicing.tax import vat


def test_tax_is_rounded_to_the_cent():
    assert vat(1999) == 400
