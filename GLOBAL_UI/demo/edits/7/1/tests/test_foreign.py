from invoicing.foreign import total_in
from invoicing.invoice import Invoice, Line


def test_the_total_is_converted():
    assert total_in(Invoice([Line("desk", 10000)]), 1.5) == 18000
