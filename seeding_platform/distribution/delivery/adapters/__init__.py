"""Ways to an engine. Each is asked the same (`adapters.asked`), and says what came of it or raises `Trouble`."""
