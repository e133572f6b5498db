"""What stands between the mijlpalen and the world: database, clock, settings, messages, files, HTTP."""
