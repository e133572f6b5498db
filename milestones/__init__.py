"""The mijlpalen: terms, definitions and the one function that decides. Pure: no clock, no I/O, no Prefect."""
