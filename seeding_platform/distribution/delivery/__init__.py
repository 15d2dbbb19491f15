"""How a generation gets to its engine: published, delivered by a resident worker, watched, put back when it does harm."""
