"""What those who keep routekaart running need: logs, figures, health, backups."""

from adapters.operations.logs import use_standard_logging

use_standard_logging()
