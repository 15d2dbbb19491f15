"""A person's rights over what is held about them: found, shown, erased everywhere, with proof."""
