"""Who may do what. One table; every route names the permission that it needs."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person is here to do."""

    OPERATOR = "operator"
    REVIEWER = "reviewer"
    ARBITER = "arbiter"
    ENGINEER = "engineer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Permission(StrEnum):
    """Something a role may be allowed to do."""

    SEE_FLIGHTS = "see_flights"
    CHANGE_FLIGHTS = "change_flights"
    SEE_CANDIDATES = "see_candidates"
    DECIDE = "decide"
    SEE_HAZARDS = "see_hazards"
    SEE_MODELS = "see_models"
    MANAGE_LAYERS = "manage_layers"
    MANAGE_USERS = "manage_users"
    ARBITRATE = "arbitrate"
    SEE_STATISTICS = "see_statistics"
    MARK_CHECKS = "mark_checks"
    SEE_AUDIT = "see_audit"
    MANAGE_MODELS = "manage_models"
    CALIBRATE = "calibrate"


_OPERATOR = frozenset({Permission.SEE_FLIGHTS, Permission.CHANGE_FLIGHTS, Permission.CALIBRATE})
_READER = frozenset({Permission.SEE_FLIGHTS, Permission.SEE_CANDIDATES, Permission.SEE_HAZARDS})
_REVIEWER = _OPERATOR | _READER | {Permission.DECIDE}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OPERATOR: _OPERATOR,
    Role.REVIEWER: _REVIEWER,
    Role.ARBITER: _REVIEWER
    | {Permission.ARBITRATE, Permission.SEE_STATISTICS, Permission.MARK_CHECKS},
    Role.ENGINEER: _READER
    | {
        Permission.SEE_MODELS,
        Permission.MANAGE_MODELS,
        Permission.CALIBRATE,
        Permission.MANAGE_LAYERS,
        Permission.MARK_CHECKS,
    },
    Role.AUDITOR: _READER
    | {Permission.SEE_MODELS, Permission.SEE_STATISTICS, Permission.SEE_AUDIT},
    Role.ADMIN: frozenset(Permission),
}


def is_allowed(role: Role, permission: Permission) -> bool:
    """Whether ``role`` may do what ``permission`` names."""
    return permission in PERMISSIONS[role]


def roles_with(permission: Permission) -> tuple[str, ...]:
    """Return the names of the roles that have ``permission``."""
    return tuple(role.value for role, may in PERMISSIONS.items() if permission in may)
