"""The check plugins: one module each, with a ``CHECK`` that is registered under ``pipeline.checks``."""
