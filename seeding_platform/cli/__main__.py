"""`python -m seeding_platform.cli`."""

from seeding_platform.cli import main

main()
