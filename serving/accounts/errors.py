"""What can go wrong with accounts, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class NotSignedInError(HazardLensError):
    """No valid token or session came with the request."""

    code = "not_signed_in"

    def __init__(self) -> None:
        """Say how to sign in."""
        super().__init__("Not signed in.", remedy="Sign in or send a valid bearer token.")


class OtherPersonError(HazardLensError):
    """A page asks in the name of somebody, but somebody else has signed in since."""

    code = "other_person_signed_in"

    def __init__(self) -> None:
        """Say that nothing was done in the wrong name."""
        super().__init__(
            "Somebody else has signed in in this browser.",
            remedy="Sign in as the person who opened the page.",
        )


class WrongPasswordError(HazardLensError):
    """User name and password do not fit; which of the two is not said."""

    code = "wrong_password"

    def __init__(self) -> None:
        """Say no more than that both do not fit together."""
        super().__init__("User name or password is wrong.", remedy="Check both and try again.")


class TooManyAttemptsError(HazardLensError):
    """Too many failed sign-ins of this user from this address."""

    code = "too_many_attempts"

    def __init__(self, wait_s: int) -> None:
        """Say how long to wait, in seconds."""
        super().__init__("Too many failed sign-ins.", remedy=f"Wait {wait_s} s and try again.")
        self.wait_s = wait_s


class ForbiddenError(HazardLensError):
    """The role does not allow this."""

    code = "forbidden"

    def __init__(self) -> None:
        """Say whom to ask."""
        super().__init__(
            "Your role does not allow this.", remedy="Ask an administrator for another role."
        )


class CrossSiteRequestError(HazardLensError):
    """A change that another site asked the browser for."""

    code = "cross_site_request"

    def __init__(self) -> None:
        """Say from where changes are accepted."""
        super().__init__(
            "This change did not come from a page of this service.",
            remedy="Use the pages of this service, or a bearer token instead of the cookie.",
        )


class KeyConflictError(HazardLensError):
    """One key would do two things."""

    code = "key_conflict"

    def __init__(self, key: str, one: str, other: str) -> None:
        """Name the key and both acts."""
        super().__init__(
            f"The key {key} would do both {one} and {other}.", remedy="Choose another key."
        )


class UserExistsError(HazardLensError):
    """The user name is taken."""

    code = "user_exists"


class UserNotFoundError(HazardLensError):
    """There is no such user."""

    code = "user_not_found"


class WeakPasswordError(HazardLensError):
    """The password is too short."""

    code = "weak_password"
