"""Token ids that every vocabulary of a source or a target begins with."""

PADDING, UNKNOWN, BEGIN, END = 0, 1, 2, 3
