"""One Prefect flow for each mijlpaal: wake, apply what is due, carry out effects, park again."""
