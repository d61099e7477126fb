"""Words for comparisons of flights: stages, verdicts, problems; proposals, never accusations."""

from __future__ import annotations

from typing import Final

from serving.web.i18n import N_

# In the order in which they are done.
STAGES: Final[dict[str, str]] = {
    "base_features": N_("Features of the baseline's photos"),
    "base_matches": N_("Matching the baseline's photos"),
    "base_poses": N_("Camera positions of the baseline"),
    "new_features": N_("Features of the new photos"),
    "new_matches": N_("Matching the new photos"),
    "new_poses": N_("Camera positions of the new flight"),
    "coregister": N_("Bringing both flights together"),
    "heights": N_("Heights of the buildings"),
    "pictures": N_("Pictures of the buildings"),
    "storing": N_("Storing the results"),
}
# Those that a survey of one flight alone does not have.
PAIR_STAGES: Final = frozenset({"base_features", "base_matches", "base_poses", "coregister"})
RUN_STATES: Final[dict[str, str]] = {
    "queued": N_("Queued"),
    "running": N_("Being compared"),
    "done": N_("Done"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
}
# What a filter of the list can ask for.
FINDING_KINDS: Final[dict[str, str]] = {
    "rise": N_("Suspected added storey, to be verified"),
    "fall": N_("Demolition check, to be verified"),
    "excess": N_("More storeys than permitted, to be verified"),
    "cannot_tell": N_("Cannot tell"),
    "unchanged": N_("No change seen"),
    "surveyed": N_("Roof measured"),
}
SHORT_KINDS: Final[dict[str, str]] = {
    "rise": N_("Risen"),
    "fall": N_("Fallen"),
    "excess": N_("Above the permit"),
    "cannot_tell": N_("Cannot tell"),
    "unchanged": N_("No change seen"),
    "surveyed": N_("Other buildings"),
}

# What is said of a failed comparison with its figures: the pattern of the stored English message
# and the message that its groups fill. Without a match the text of the code stands alone.
FIGURES: Final[dict[str, tuple[str, str]]] = {
    "change_no_positions": (
        r"only (?P<count>\d+) of (?P<all>\d+) photos",
        N_("Only {count} of {all} photos of one camera have a position and a focal length."),
    ),
    "change_not_joined": (
        r"only (?P<count>\d+) of (?P<all>\d+) photos",
        N_("Only {count} of {all} photos of one flight could be joined to one surface."),
    ),
    "change_too_few_points": (
        r"only (?P<count>\d+) points",
        N_("The photos share only {count} points; plain roofs seen from straight above give none."),
    ),
    "change_no_overlap": (
        r"are (?P<distance>[\d,]+) m apart",
        N_("The flights do not show the same place: their middles are {distance} m apart."),
    ),
    "change_small_overlap": (
        r"(?P<share>\d+%).* (?P<needed>\d+%)",
        N_("Only {share} of the smaller flight lies in the other; {needed} is needed."),
    ),
    "change_layer_moved": (
        r"(?P<x>[\d.]+) m (?P<ew>east|west) and (?P<y>[\d.]+) m (?P<ns>north|south)",
        N_("The building layer fits the photos best when moved {x} m {ew} and {y} m {ns}."),
    ),
}
DIRECTIONS: Final[dict[str, str]] = {
    "east": N_("east"),
    "west": N_("west"),
    "north": N_("north"),
    "south": N_("south"),
}
