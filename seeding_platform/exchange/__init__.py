"""Talking to others safely: requests that cannot be led astray, and signatures by which a receiver knows that they are ours."""
