from invoicing.exchange import convert


def test_half_a_cent_is_rounded_up():
    assert convert(5, 1.1) == 6


def test_whole_cents_stay_whole():
    assert convert(100, 1.25) == 125
