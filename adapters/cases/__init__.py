"""Cases in the database: load, change, hold, check. Casework is the one way to change a case."""
