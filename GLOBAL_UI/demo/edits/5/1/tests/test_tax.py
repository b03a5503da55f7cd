from invoicing.tax import REDUCED_PERCENT, vat


def test_tax_is_rounded_to_the_cent():
    assert vat(1999) == 400


def test_books_are_taxed_less():
    assert vat(1000, REDUCED_PERCENT) == 100
