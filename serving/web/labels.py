"""Words for codes: states, kinds and methods, as messages of the catalogue."""

from __future__ import annotations

from typing import Final

from serving.web.i18n import N_

FLIGHT_STATES: Final[dict[str, str]] = {
    "draft": N_("Draft"),
    "queued": N_("Queued"),
    "processing": N_("Processing"),
    "done": N_("Done"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
}
FLIGHT_KINDS: Final[dict[str, str]] = {"drone": N_("Drone"), "street": N_("Street vehicle")}
CANDIDATE_STATES: Final[dict[str, str]] = {
    "pending": N_("Pending"),
    "unsure": N_("Unsure"),
    "confirmed": N_("Confirmed"),
    "rejected": N_("Rejected"),
    "duplicate": N_("Duplicate"),
}
TIERS: Final[dict[str, str]] = {
    "urgent": N_("Urgent"),
    "normal": N_("Normal"),
    "low": N_("Low score"),
}
VERDICTS: Final[dict[str, str]] = {
    "confirm": N_("Confirmed"),
    "reject": N_("Rejected"),
    "unsure": N_("Unsure"),
    "duplicate": N_("Duplicate"),
}
# The state whose colour a verdict wears.
STATE_OF_VERDICT: Final[dict[str, str]] = {
    "confirm": "confirmed",
    "reject": "rejected",
    "unsure": "unsure",
    "duplicate": "duplicate",
}
ROLES: Final[dict[str, str]] = {
    "operator": N_("Operator"),
    "reviewer": N_("Reviewer"),
    "arbiter": N_("Arbiter"),
    "engineer": N_("Engineer"),
    "auditor": N_("Auditor"),
    "admin": N_("Administrator"),
}
GROUND_METHODS: Final[dict[str, str]] = {
    "flat_ground": N_("line of sight on flat ground"),
    "terrain": N_("line of sight on the ground model"),
    "surface": N_("line of sight on the reconstructed surface"),
    "building_facade": N_("line of sight on a facade"),
    "building_roof": N_("line of sight on a roof"),
    "building_measured": N_("middle of the part of the building that was measured"),
    "camera_position": N_("position of the camera"),
}

BUILDING_PARTS: Final[dict[str, str]] = {"facade": N_("facade"), "roof": N_("roof")}
AREA_LEVELS: Final[dict[str, str]] = {
    "district": N_("District"),
    "street": N_("Subdistrict"),
    "community": N_("Community"),
    "grid": N_("Grid cell"),
    "survey": N_("Area to be flown"),
}
LAYER_KINDS: Final[dict[str, str]] = {
    "buildings": N_("Buildings"),
    "covers": N_("Cover inventory"),
    "areas": N_("Areas"),
    "terrain": N_("Ground model"),
    "key_places": N_("Key places"),
}
# How well a building or cover was seen, and what a photo is fine enough for.
SEEN_STATES: Final[dict[str, str]] = {
    "seen": N_("Seen"),
    "partly_seen": N_("Seen in part"),
    "too_coarse": N_("Too coarse"),
    "poor_photo": N_("Poor photos only"),
    "not_seen": N_("Not seen"),
}
TARGET_KINDS: Final[dict[str, str]] = {
    "building": N_("Building"),
    "cover": N_("Manhole cover"),
    "gap": N_("Gap in the area"),
}
NEEDS: Final[dict[str, str]] = {
    "manhole_state": N_("State of a manhole cover"),
    "added_storey": N_("Added storey"),
    "crack_seen": N_("Facade crack visible"),
    "crack_width": N_("Width of a crack of 1 mm"),
}
COVERAGE_STATES: Final[dict[str, str]] = {
    "none": N_("Not computed"),
    "queued": N_("Being computed"),
    "done": N_("Computed"),
    "failed": N_("Failed"),
}
# What a class is called until a person has confirmed it: a measurement accuses nobody.
SUSPICIONS: Final[dict[str, str]] = {
    "added_storey": N_("Suspected added storey"),
    "demolished": N_("Demolition check"),
}
ORIGINS: Final[dict[str, str]] = {"new": N_("New"), "stock": N_("Was there before")}
# What says something of a building in place of a model.
MEASUREMENTS: Final[dict[str, str]] = {
    "height_change": N_("Heights of two flights"),
    "building_register": N_("Storeys against the register"),
}
PERMITS: Final[dict[str, str]] = {
    "land": N_("Land use"),
    "planning": N_("Planning approval"),
    "construction": N_("Building permit"),
}
PERMIT_ANSWERS: Final[dict[str, str]] = {
    "yes": N_("Granted"),
    "no": N_("None"),
    "to_check": N_("To check"),
}
# Columns of a building register, by what is read from them.
REGISTER_COLUMNS: Final[dict[str, str]] = {
    "building_id": N_("Building number"),
    "permitted_storeys": N_("Permitted storeys"),
    "permitted_area_m2": N_("Permitted area"),
    "permitted_height_m": N_("Permitted height"),
    "use": N_("Use"),
    "land_permit": N_("Land approval"),
    "planning_permit": N_("Planning permit"),
    "construction_permit": N_("Construction permit"),
    "lon": N_("Longitude"),
    "lat": N_("Latitude"),
}
GROUPING_KINDS: Final[dict[str, str]] = {"merge": N_("Merged"), "split": N_("Split")}
