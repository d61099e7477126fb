"""What can end an upload, each with a code, an exit status and a remedy."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class ServerUnreachableError(HazardLensError):
    """The server did not answer for longer than we are patient."""

    code = "server_unreachable"
    exit_code = 10


class SignInRefusedError(HazardLensError):
    """User name or password do not fit, or the person may not upload."""

    code = "sign_in_refused"
    exit_code = 11


class ServerRefusedError(HazardLensError):
    """The server answered with a problem; ``status`` is that of HTTP, ``problem`` its code."""

    code = "server_refused"
    exit_code = 1

    def __init__(self, status: int, problem: str, message: str, *, remedy: str = "") -> None:
        """Keep what the server said."""
        super().__init__(message, remedy=remedy)
        self.status = status
        self.problem = problem


class UploadIncompleteError(HazardLensError):
    """Some files were not sent or not taken; they were named before."""

    code = "upload_incomplete"
    exit_code = 9


class UploadRunningError(HazardLensError):
    """Another command sends the same folder right now."""

    code = "upload_running"
    exit_code = 2


class FileUnsendableError(HazardLensError):
    """One file cannot be read, or changed while it was sent; the others go on."""

    code = "file_unsendable"
    exit_code = 9
