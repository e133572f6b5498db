"""How routekaart is started, set up and used from the terminal."""
