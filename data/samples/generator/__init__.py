"""The modules that make the sample files, one a part of the story; `data/samples/generate.py` runs them."""
