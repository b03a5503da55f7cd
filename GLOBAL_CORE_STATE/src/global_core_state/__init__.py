"""State of Phaseline: SQLite, events, journal, state machines, and the harness behind every phase."""
