"""The report as a web page: one file that needs no network, with certificates and proofs beside it.

Formulas are MathML, which browsers draw themselves. Whatever is not markup made here is escaped (``elements``), and the
page's own policy lets no script run but its own.
"""
