"""The door before Prefect: who comes in, with which right, and nothing that leaves by itself."""
