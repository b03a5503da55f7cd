"""The pipeline command: driver, progress, reports."""
