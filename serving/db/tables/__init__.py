"""The tables, a module for each kind of thing."""

from serving.db.tables.accounts import UserRow
from serving.db.tables.audit import AuditEventRow
from serving.db.tables.base import Base
from serving.db.tables.detections import DetectionRow, ShadowResultRow
from serving.db.tables.flights import FlightCoverageRow, FlightRow, IngestFailureRow, PhotoRow
from serving.db.tables.layers import LayerFeatureRow, LayerRow
from serving.db.tables.review import CandidateRow, GroupingEventRow, ReviewEventRow, SightingRow

__all__ = [
    "AuditEventRow",
    "Base",
    "CandidateRow",
    "DetectionRow",
    "FlightCoverageRow",
    "FlightRow",
    "GroupingEventRow",
    "IngestFailureRow",
    "LayerFeatureRow",
    "LayerRow",
    "PhotoRow",
    "ReviewEventRow",
    "ShadowResultRow",
    "SightingRow",
    "UserRow",
]
