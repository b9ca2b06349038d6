"""Where runs execute: every runner reports facts, and none of them judges."""
