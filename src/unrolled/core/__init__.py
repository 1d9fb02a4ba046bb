"""What a state, a sequence and a cell are, and how a cell is unrolled."""
