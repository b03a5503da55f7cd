"""Registry of Phaseline: which phases, services and modules exist, and whether they keep their contracts."""
