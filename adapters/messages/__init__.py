"""Messages to people: who gets what over which channel, the texts, the deliveries, the hand-off links."""
