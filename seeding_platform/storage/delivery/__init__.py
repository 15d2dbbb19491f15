"""What the state database keeps of the delivery to engines: addresses, generations, deliveries, health, and the log that listeners read."""
