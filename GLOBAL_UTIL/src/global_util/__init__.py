"""Shared ground of Phaseline: contracts, phase protocol, git door, child processes, configuration."""
