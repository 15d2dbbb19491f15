"""Who may see and do what, what is personal, what was done: personal data, subject rights, access, audit."""
