"""Marketing tables whose truth is known, with errors put in: what cleaning and confidence are measured on."""
