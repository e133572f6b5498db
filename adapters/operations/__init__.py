"""What those who keep routekaart running need: figures, backups, the retention of data, checks of the journal."""
