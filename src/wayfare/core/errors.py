"""The error tree. Each class carries its code and whether trying again can help: no one ever sorts errors by text.

    WayfareError
    ├── UserError               the caller can mend it
    │   ├── Invalid             a value, name or URL is not acceptable
    │   ├── NotFound            what was named does not exist
    │   ├── Conflict            the state does not allow it (another owner, a name taken, a run that has ended)
    │   │   └── LockLost        the right to change a schema may be another runner's by now
    │   ├── LossRefused         values cannot be kept exactly, and nobody has allowed the loss
    │   ├── NotSignedIn         Wayfare itself wants a credential, or this one does not hold (HTTP 401)
    │   ├── NotAllowed          the caller's role or scopes do not cover it                  (HTTP 403)
    │   └── RateLimited         too many calls or failed sign-ins for now                    (HTTP 429, retryable)
    ├── SystemFailed            a connected system did not do its part
    │   ├── Unreachable         no answer, or the connection broke            (retryable)
    │   ├── Unauthenticated     user or password refused
    │   ├── Forbidden           a right is missing
    │   ├── Busy                locked or throttled                            (retryable)
    │   ├── Full                no room left on the target
    │   └── Refused             the system rejected a statement or a value
    ├── Unavailable             an optional part (driver, server, compiler) is not installed here
    ├── Stopped                 the run was asked to pause or cancel; not a failure
    ├── Mismatch                source and target differ
    └── Bug                     an invariant of ours broke

Drivers' errors are classified where they are caught, in the adapter, never later.
"""

from __future__ import annotations


class WayfareError(Exception):
    """Base of every error we raise. `message` says what is wrong and where; `remedy` what to do next."""

    code = "internal_error"
    retryable = False
    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.where = where  # "source", "--cursor", "orders.total": the field or object at fault

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}" + (f" {self.remedy}" if self.remedy else "")


class UserError(WayfareError):
    code = "user_error"
    exit_code = 2


class Invalid(UserError):
    code = "invalid"
    exit_code = 3


class NotFound(UserError):
    code = "not_found"
    exit_code = 3


class Conflict(UserError):
    code = "conflict"
    exit_code = 6


class LockLost(Conflict):
    code = "lock_lost"


class LossRefused(UserError):
    code = "loss_refused"
    exit_code = 3


class NotSignedIn(UserError):
    code = "not_signed_in"
    exit_code = 4


class NotAllowed(UserError):
    """Apart from Forbidden, which is what a connected system said to us: that is no 403 of ours."""

    code = "not_allowed"
    exit_code = 4

    def __init__(self, message: str, *, remedy: str = "", where: str = "", needed: str = "") -> None:
        super().__init__(message, remedy=remedy, where=where)
        self.needed = needed  # the scope that was missing, where it was one


class RateLimited(UserError):
    """`retry_after_seconds` is when the next call can succeed, rounded up by whoever puts it into a header."""

    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0, remedy: str = "", where: str = "") -> None:
        super().__init__(message, remedy=remedy, where=where)
        self.retry_after_seconds = retry_after_seconds


class SystemFailed(WayfareError):
    code = "system_failed"
    exit_code = 1


class Unreachable(SystemFailed):
    code = "unreachable"
    retryable = True
    exit_code = 5

    def by(self, server: str) -> None:
        """Say which server it was, unless that is said: the errors of one end pass through the hands of the other."""
        if "://" not in self.where:
            self.where = server
            self.remedy = self.remedy or "Check that the server runs and can be reached; the same command goes on."


class Unauthenticated(SystemFailed):
    code = "unauthenticated"
    exit_code = 4


class Forbidden(SystemFailed):
    code = "forbidden"
    exit_code = 4


class Busy(SystemFailed):
    code = "busy"
    retryable = True


class Full(SystemFailed):
    code = "full"


class Refused(SystemFailed):
    code = "refused"


class Unavailable(WayfareError):
    code = "unavailable"
    exit_code = 3


class Stopped(WayfareError):
    code = "stopped"
    exit_code = 130


class Mismatch(WayfareError):
    code = "mismatch"


class Bug(WayfareError):
    code = "bug"
