"""Document ids of Phaseline: what an id says, where it belongs, and whether ids and places agree."""
