"""Who may: users, tenants, roles and scopes, passwords, tokens, API keys, OAuth2, rate limits, outgoing addresses."""
