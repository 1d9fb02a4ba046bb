"""Files and dataframes in, checked panels and windows out."""
