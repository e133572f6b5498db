"""Where the HTTP API is found; its parts are in `adapters.api`."""

from adapters.api import create_api

__all__ = ["create_api"]
