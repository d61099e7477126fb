"""What can go wrong between us and Label Studio, each with a stable code and a remedy."""

from __future__ import annotations

from detection.domain.errors import ConfigurationError, HazardLensError

SETTING = "HAZARDLENS_LABEL_STUDIO_"


class LabelStudioNotSetError(ConfigurationError):
    """Nobody said where Label Studio is, or its projects were never set up."""

    code = "label_studio_not_set"


class LabelStudioUnreachableError(HazardLensError):
    """Nothing answers at the address of Label Studio, or not in time."""

    code = "label_studio_unreachable"

    def __init__(self, url: str, why: str) -> None:
        """Name the address."""
        super().__init__(
            f"Label Studio does not answer at {url} ({why}).",
            remedy=f"Start it (make label-studio), or correct {SETTING}URL.",
        )


class LabelStudioTokenError(HazardLensError):
    """Label Studio does not know the access token."""

    code = "label_studio_token_wrong"

    def __init__(self) -> None:
        """Say where a token comes from."""
        super().__init__(
            "Label Studio does not accept the access token.",
            remedy="Make one in Label Studio (Account & Settings, Personal Access Token) and put"
            f" it into {SETTING}TOKEN.",
        )


class LabelStudioTokenRevokedError(HazardLensError):
    """The access token was valid once and was revoked in Label Studio, or has ended."""

    code = "label_studio_token_revoked"

    def __init__(self) -> None:
        """Say that a new one is needed."""
        super().__init__(
            "The access token of Label Studio was revoked or has ended.",
            remedy=f"Make a new one in Label Studio and put it into {SETTING}TOKEN.",
        )


class LabelStudioRefusedError(HazardLensError):
    """Label Studio answers a request of ours with an error that we do not know."""

    code = "label_studio_refused"

    def __init__(self, request: str, status: int, detail: str) -> None:
        """Name the request and what was answered."""
        super().__init__(
            f"Label Studio answered {status} to {request}: {detail}",
            remedy="See the log of Label Studio; this version was tried with 1.23.",
        )
        self.status = status


class LabelProjectGoneError(HazardLensError):
    """A project of ours is no longer in Label Studio."""

    code = "label_project_gone"

    def __init__(self, geometry: str, project_id: int) -> None:
        """Name the project."""
        super().__init__(
            f"Project {project_id} ({geometry}) is not in Label Studio any more.",
            remedy="Set the projects up again; what was drawn and taken in before stays.",
        )


class NothingToPushError(HazardLensError):
    """An order names no photo that could be drawn on."""

    code = "nothing_to_push"

    def __init__(self) -> None:
        """Say what is missing."""
        super().__init__(
            "No photo fits: nothing to send to Label Studio.",
            remedy="Choose another flight, class or state, or another selection.",
        )


class WebhookSecretError(HazardLensError):
    """Somebody calls the webhook who does not know its address."""

    code = "label_webhook_refused"

    def __init__(self) -> None:
        """Say where the right address comes from."""
        super().__init__(
            "This is no address of a webhook of ours.",
            remedy="Set the projects up again: that writes the right address into Label Studio.",
        )


class WebhookProjectError(HazardLensError):
    """A webhook tells of a project that is not ours."""

    code = "label_webhook_project"

    def __init__(self, project_id: object) -> None:
        """Name the project."""
        super().__init__(
            f"The event is of project {project_id}, which is none of ours.",
            remedy="Remove the webhook from that project in Label Studio.",
        )


class WebhookPayloadError(HazardLensError):
    """A webhook sends something that is no event of Label Studio."""

    code = "label_webhook_payload"

    def __init__(self, why: str) -> None:
        """Say what is missing."""
        super().__init__(f"The event cannot be read: {why}.", remedy="Set the projects up again.")


class LinkInvalidError(HazardLensError):
    """The address of a picture was not signed by us."""

    code = "label_link_invalid"

    def __init__(self) -> None:
        """Say how a valid address comes about."""
        super().__init__(
            "This address of a picture is not valid.",
            remedy="Open the task in Label Studio anew; if it stays, run hazardlens labels"
            " reconcile.",
        )


class LinkExpiredError(HazardLensError):
    """The address of a picture was valid until a moment that is over."""

    code = "label_link_expired"

    def __init__(self) -> None:
        """Say how it is renewed."""
        super().__init__(
            "This address of a picture has expired.",
            remedy="Run hazardlens labels reconcile: it renews the addresses of open tasks.",
        )


class DrawingError(HazardLensError):
    """A drawing that cannot be taken in as it is. Nothing of it is."""

    code = "label_drawing"


class LabelOutsideTaxonomyError(DrawingError):
    """A label that is no class of the project."""

    code = "label_outside_taxonomy"

    def __init__(self, label: str, classes: tuple[str, ...]) -> None:
        """Name the label and those that there are."""
        super().__init__(
            f"The label “{label}” is none of this project's: {', '.join(classes)}.",
            remedy="Give the shape one of these labels in Label Studio, or delete it, and submit"
            " again.",
        )


class ShapeUnknownError(DrawingError):
    """A shape that our projects do not have: an ellipse, a brush, a shape without a label."""

    code = "label_shape_unknown"

    def __init__(self, kind: str) -> None:
        """Name the shape."""
        super().__init__(
            f"A shape of the kind “{kind}” cannot be used here.",
            remedy="Draw it with the tools of the project and submit again.",
        )


class ShapeOutsideError(DrawingError):
    """A shape that lies outside the photo, or has no area."""

    code = "label_outside_photo"

    def __init__(self, region: str) -> None:
        """Name the region."""
        super().__init__(
            f"Shape {region} lies outside the photo or has no area.",
            remedy="Move or delete it in Label Studio and submit again.",
        )


class OtherPictureError(DrawingError):
    """A drawing made on a picture of another size, or on one that was turned."""

    code = "label_other_picture"

    def __init__(self, seen: str, wanted: str) -> None:
        """Name both sizes."""
        super().__init__(
            f"It was drawn on a picture of {seen} px, the photo has {wanted}.",
            remedy="Open the task anew and draw it again, without turning the picture.",
        )


class PhotoGoneError(HazardLensError):
    """The photo of a task is not in the data folder any more."""

    code = "label_photo_gone"

    def __init__(self, photo_id: int) -> None:
        """Name the photo."""
        super().__init__(
            f"The file of photo {photo_id} is missing: nothing can be drawn on it.",
            remedy="Restore the data folder from the backup, then send it again.",
        )


class BoardServerError(HazardLensError):
    """A Label Studio of our own does not start."""

    code = "label_studio_not_started"
