"""The HTTP API (contract 3): open cases, report events, take in what others send, read where a case is.

No call is anonymous but those for health and for the description of the API, which holds no data.
"""

from adapters.api.app import create_api

__all__ = ["create_api"]
