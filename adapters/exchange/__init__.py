"""Exchange with other systems: DDAS files, ZGW notifications, CloudEvents, webhooks, and who may call us."""
