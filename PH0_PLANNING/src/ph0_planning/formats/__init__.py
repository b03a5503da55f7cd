"""The plan formats that ship with Phaseline: one file each, registered under ``pipeline.plan_formats``."""
