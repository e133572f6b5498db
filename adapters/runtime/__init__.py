"""What every floor stands on: settings, clock, calendar, policies, logs, counters. It knows no case and no database."""

from adapters.runtime.logs import use_standard_logging

use_standard_logging()
