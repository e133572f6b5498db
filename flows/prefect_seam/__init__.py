"""The seam: the one folder that touches what Prefect and SQLAlchemy do not promise.

Each file opens with what it leans on, since which version, and what breaks without it. `leaned_on` names the same
things for a program: a server, a worker and `routekaart controleer` check them when they start.
"""
