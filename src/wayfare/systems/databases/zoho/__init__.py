"""Zoho CRM, by its REST interface: a source."""

from wayfare.systems.registry import Adapter

ADAPTER = Adapter(
    "zoho",
    "Zoho CRM",
    "wayfare.systems.databases.zoho.database:ZohoDatabase",
    "zoho://www.zohoapis.com/?client_id=…&client_secret=…&refresh_token=…",
    drivers=("httpx2",),
    source_only=True,
    reach="wayfare.systems.databases.zoho.options:reach",
)
