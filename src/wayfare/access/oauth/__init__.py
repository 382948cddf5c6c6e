"""The OAuth2 server as plain functions over parameters and records: OAuth 2.1 with RFC 7009, 7662, 8414 and 9207."""
