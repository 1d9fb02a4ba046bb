"""A toolkit for recurrent sequence models: any cell, unrolled."""
