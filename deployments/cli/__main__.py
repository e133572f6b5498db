"""`python -m deployments.cli`: the command line without the installed script."""

from deployments.cli.application import main

if __name__ == "__main__":
    main()
