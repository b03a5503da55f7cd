"""Definition of ready and definition of done, judged on git trees of any repository."""
