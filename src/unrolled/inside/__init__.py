"""The inside view behind `look`: what a model did with one input, as a document, and the page that draws it."""
