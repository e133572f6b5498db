"""The case database: every table, one history of migrations, and what to do when it gives trouble."""
