"""The tables, a module for each kind of thing."""

from serving.db.tables.accounts import UserRow
from serving.db.tables.appearance import DetectionAppearanceRow
from serving.db.tables.audit import AuditEventRow
from serving.db.tables.base import Base
from serving.db.tables.bulk import BulkActMemberRow, BulkActRow
from serving.db.tables.calibrations import (
    CalibrationBoxRow,
    CalibrationEventRow,
    CalibrationLabelRow,
    CalibrationRow,
)
from serving.db.tables.change import BuildingFindingRow, ChangeRunRow, FlightEpochRow
from serving.db.tables.corrections import CorrectionEventRow
from serving.db.tables.detections import DetectionRow, ShadowResultRow
from serving.db.tables.drift import DriftCheckRow, DriftSeenRow, DriftSliceRow
from serving.db.tables.flights import FlightCoverageRow, FlightRow, IngestFailureRow, PhotoRow
from serving.db.tables.label_studio import (
    LabelAnnotationRow,
    LabelEventRow,
    LabelProblemRow,
    LabelProjectRow,
    LabelPushRow,
    LabelPushTaskRow,
    LabelTaskRow,
)
from serving.db.tables.label_suspects import LabelSuspectRow, SuspectEventRow
from serving.db.tables.layers import LayerFeatureRow, LayerRow
from serving.db.tables.permit_checks import PermitEventRow
from serving.db.tables.preferences import UserPreferenceRow
from serving.db.tables.queueing import AssignmentRow, ClaimRow, QueueTallyRow
from serving.db.tables.register import BuildingRegisterRow, RegisterEntryRow
from serving.db.tables.review import CandidateRow, GroupingEventRow, ReviewEventRow, SightingRow
from serving.db.tables.second_review import BlindTaskRow, CheckMarkRow
from serving.db.tables.selections import SelectionPickRow, SelectionRow
from serving.db.tables.shadow_differences import (
    ShadowComparisonRow,
    ShadowDifferenceRow,
    ShadowJudgementRow,
)
from serving.db.tables.training_orders import TrainingOrderRow, TrainingWorkerRow
from serving.db.tables.uploads import FlightFileRow, FlightMediaRow, UploadRow
from serving.db.tables.watched import WatchedFileRow, WatchedFlightRow, WatchedFolderRow

__all__ = [
    "AssignmentRow",
    "AuditEventRow",
    "Base",
    "BlindTaskRow",
    "BuildingFindingRow",
    "BuildingRegisterRow",
    "BulkActMemberRow",
    "BulkActRow",
    "CalibrationBoxRow",
    "CalibrationEventRow",
    "CalibrationLabelRow",
    "CalibrationRow",
    "CandidateRow",
    "ChangeRunRow",
    "CheckMarkRow",
    "ClaimRow",
    "CorrectionEventRow",
    "DetectionAppearanceRow",
    "DetectionRow",
    "DriftCheckRow",
    "DriftSeenRow",
    "DriftSliceRow",
    "FlightCoverageRow",
    "FlightEpochRow",
    "FlightFileRow",
    "FlightMediaRow",
    "FlightRow",
    "GroupingEventRow",
    "IngestFailureRow",
    "LabelAnnotationRow",
    "LabelEventRow",
    "LabelProblemRow",
    "LabelProjectRow",
    "LabelPushRow",
    "LabelPushTaskRow",
    "LabelSuspectRow",
    "LabelTaskRow",
    "LayerFeatureRow",
    "LayerRow",
    "PermitEventRow",
    "PhotoRow",
    "QueueTallyRow",
    "RegisterEntryRow",
    "ReviewEventRow",
    "SelectionPickRow",
    "SelectionRow",
    "ShadowComparisonRow",
    "ShadowDifferenceRow",
    "ShadowJudgementRow",
    "ShadowResultRow",
    "SightingRow",
    "SuspectEventRow",
    "TrainingOrderRow",
    "TrainingWorkerRow",
    "UploadRow",
    "UserPreferenceRow",
    "UserRow",
    "WatchedFileRow",
    "WatchedFlightRow",
    "WatchedFolderRow",
]
