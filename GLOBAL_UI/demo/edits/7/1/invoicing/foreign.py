"""Invoices in foreign currencies."""

from invoicing.exchange import convert
from invoicing.invoice import Invoice


def total_in(invoice: Invoice, rate: float) -> int:
    """The total of an invoice in another currency."""
    return convert(invoice.total(), rate)
