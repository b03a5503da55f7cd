"""The one version of all Phaseline distributions."""

__version__ = "0.1.0"
