"""What is raised for a place that nobody here is brought to."""

from __future__ import annotations

from wayfare.core.errors import Invalid


class AddressRefused(Invalid):
    """The policy does not let us connect there."""

    code = "address_refused"
