"""The tables. Rows of detections, sightings and events are written once and never edited."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

AWARE = DateTime(timezone=True)


class Base(DeclarativeBase):
    """Parent of all tables."""


class UserRow(Base):
    """A person who signs in. Never deleted, because events name people; disabled instead."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role in ('operator','reviewer','engineer','admin')", name="role_known"),
        Index("users_username_lower", text("lower(username)"), unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    username: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(16))
    token_version: Mapped[int] = mapped_column(server_default=text("1"))
    disabled_at: Mapped[datetime | None] = mapped_column(AWARE)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())


class FlightRow(Base):
    """One upload and how far its processing is. Counts are never stored: they are counted.

    ``run`` numbers the processing; looking at every photo anew begins the next one.
    """

    __tablename__ = "flights"
    __table_args__ = (
        CheckConstraint("kind in ('drone','street')", name="kind_known"),
        CheckConstraint(
            "state in ('draft','queued','processing','done','failed','cancelled')",
            name="state_known",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    site: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16), server_default="draft", index=True)
    run: Mapped[int] = mapped_column(server_default=text("1"))
    demo_key: Mapped[str | None] = mapped_column(String(32), unique=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    submitted_at: Mapped[datetime | None] = mapped_column(AWARE)
    started_at: Mapped[datetime | None] = mapped_column(AWARE)
    finished_at: Mapped[datetime | None] = mapped_column(AWARE)
    grouping_at: Mapped[datetime | None] = mapped_column(AWARE)
    grouped_at: Mapped[datetime | None] = mapped_column(AWARE)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)


class PhotoRow(Base):
    """One accepted file. ``name`` is for display only; the file lies under its ``sha256``.

    ``captured_at`` is ISO 8601 as the camera wrote it, with or without a zone. Pose and
    intrinsics are the columns of ``CameraPose`` and ``CameraIntrinsics``; ``pose_source`` and
    ``intrinsics_source`` are null where the photo has none. The last four are the columns of
    ``PhotoQuality``, measured at upload; null together where that was not done yet. ``run`` is
    the processing whose detections stand for the photo: the latest that was finished.
    """

    __tablename__ = "photos"
    __table_args__ = (
        UniqueConstraint("flight_id", "sha256", name="photo_once_per_flight"),
        CheckConstraint("state in ('queued','done','failed')", name="photo_state_known"),
        Index("photos_flight_state", "flight_id", "state"),
        Index("photos_flight_id", "flight_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    name: Mapped[str] = mapped_column(String(400))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(32))
    width_px: Mapped[int]
    height_px: Mapped[int]
    captured_at: Mapped[str | None] = mapped_column(String(40))
    camera_model: Mapped[str | None] = mapped_column(String(120))
    warnings: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default="{}")
    state: Mapped[str] = mapped_column(String(16), server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    run: Mapped[int] = mapped_column(server_default=text("1"))
    processed_at: Mapped[datetime | None] = mapped_column(AWARE)
    uploaded_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())

    focal_px: Mapped[float | None] = mapped_column(Float)
    cx_px: Mapped[float | None] = mapped_column(Float)
    cy_px: Mapped[float | None] = mapped_column(Float)
    intrinsics_source: Mapped[str | None] = mapped_column(String(80))
    focal_std_px: Mapped[float | None] = mapped_column(Float)
    distortion: Mapped[list[float] | None] = mapped_column(ARRAY(Float))

    lon: Mapped[float | None] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)
    altitude_agl_m: Mapped[float | None] = mapped_column(Float)
    altitude_m: Mapped[float | None] = mapped_column(Float)
    yaw_deg: Mapped[float | None] = mapped_column(Float)
    pitch_deg: Mapped[float | None] = mapped_column(Float)
    roll_deg: Mapped[float | None] = mapped_column(Float)
    horizontal_std_m: Mapped[float | None] = mapped_column(Float)
    vertical_std_m: Mapped[float | None] = mapped_column(Float)
    yaw_std_deg: Mapped[float | None] = mapped_column(Float)
    pitch_std_deg: Mapped[float | None] = mapped_column(Float)
    roll_std_deg: Mapped[float | None] = mapped_column(Float)
    pose_source: Mapped[str | None] = mapped_column(String(200))

    blur_px: Mapped[float | None] = mapped_column(Float)
    brightness: Mapped[float | None] = mapped_column(Float)
    dark_share: Mapped[float | None] = mapped_column(Float)
    bright_share: Mapped[float | None] = mapped_column(Float)


class IngestFailureRow(Base):
    """A file that could not be used, at upload (no ``photo_id``) or in processing."""

    __tablename__ = "ingest_failures"
    __table_args__ = (
        Index(
            "upload_failure_once",
            "flight_id",
            "file_name",
            "code",
            unique=True,
            postgresql_where=text("photo_id is null"),
        ),
        Index(
            "photo_failure_once",
            "photo_id",
            unique=True,
            postgresql_where=text("photo_id is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    file_name: Mapped[str] = mapped_column(String(400))
    code: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())


class DetectionRow(Base):
    """One box in one photo, with the model that said so and where it lies.

    ``polygons`` outlines it as rings of ``[x, y]`` in pixels of the photo; a model of boxes gives
    none. ``on_building`` and ``measure`` are the domain's classes of these names. Rows of an
    earlier ``run`` stay for whoever decided on them, and are grouped no more.
    """

    __tablename__ = "detections"
    __table_args__ = (
        UniqueConstraint("photo_id", "run", "ordinal", name="detection_once"),
        Index("detections_flight", "flight_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    run: Mapped[int] = mapped_column(server_default=text("1"))
    ordinal: Mapped[int]
    hazard_class: Mapped[str] = mapped_column(String(40))
    score: Mapped[float] = mapped_column(Float)
    x_min: Mapped[float] = mapped_column(Float)
    y_min: Mapped[float] = mapped_column(Float)
    x_max: Mapped[float] = mapped_column(Float)
    y_max: Mapped[float] = mapped_column(Float)
    polygons: Mapped[list[list[list[float]]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    model_name: Mapped[str] = mapped_column(String(80))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    config_hash: Mapped[str] = mapped_column(String(64))
    threshold: Mapped[float | None] = mapped_column(Float)
    lon: Mapped[float | None] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)
    cov_ee_m2: Mapped[float | None] = mapped_column(Float)
    cov_en_m2: Mapped[float | None] = mapped_column(Float)
    cov_nn_m2: Mapped[float | None] = mapped_column(Float)
    method: Mapped[str | None] = mapped_column(String(40))
    unplaced_reason: Mapped[str | None] = mapped_column(String(64))
    on_building: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    measure: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))


class ShadowResultRow(Base):
    """What a shadow model said of one photo. Never shown to reviewers, never grouped.

    ``boxes`` holds ``{hazard_class, score, bbox_xyxy, polygons}``; an empty list is a photo that
    was looked at and nothing found.
    """

    __tablename__ = "shadow_results"
    __table_args__ = (Index("shadow_results_model", "model_name", "version"),)

    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), primary_key=True)
    config_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    model_name: Mapped[str] = mapped_column(String(80))
    version: Mapped[str] = mapped_column(String(16))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    boxes: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())


class LayerRow(Base):
    """One imported file: buildings, covers, areas of one level, or the height of the ground.

    The file lies under its ``sha256`` and is never needed again, except for terrain. ``crs`` is
    what was declared; features are EPSG:4326. ``level`` is empty for all but areas. ``fields``
    says which field of the file was read as what, ``warnings`` holds ``{code, count, detail}``.
    The sides bound the layer in degrees. Deleted layers keep their rows and their file, because
    candidates name what lay in them.
    """

    __tablename__ = "layers"
    __table_args__ = (
        CheckConstraint(
            "kind in ('buildings','covers','areas','terrain')", name="layer_kind_known"
        ),
        CheckConstraint(
            "level in ('','district','street','community','grid','survey')",
            name="layer_level_known",
        ),
        CheckConstraint("(kind = 'areas') = (level <> '')", name="layer_level_of_areas"),
        Index(
            "layer_file_once",
            "kind",
            "level",
            "sha256",
            unique=True,
            postgresql_where=text("deleted_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    level: Mapped[str] = mapped_column(String(16), server_default="")
    name: Mapped[str] = mapped_column(String(200))
    crs: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(400))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    feature_count: Mapped[int]
    fields: Mapped[dict[str, str]] = mapped_column(JSONB)
    warnings: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    west: Mapped[float] = mapped_column(Float)
    south: Mapped[float] = mapped_column(Float)
    east: Mapped[float] = mapped_column(Float)
    north: Mapped[float] = mapped_column(Float)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())
    deleted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime | None] = mapped_column(AWARE)


class LayerFeatureRow(Base):
    """One building, cover or area. ``geometry`` is WKB, EPSG:4326; the sides are its bounds."""

    __tablename__ = "layer_features"
    __table_args__ = (Index("layer_features_place", "layer_id", "west", "south", "east", "north"),)

    layer_id: Mapped[int] = mapped_column(ForeignKey("layers.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    feature_id: Mapped[str] = mapped_column(String(200))
    name: Mapped[str | None] = mapped_column(String(400))
    west: Mapped[float] = mapped_column(Float)
    south: Mapped[float] = mapped_column(Float)
    east: Mapped[float] = mapped_column(Float)
    north: Mapped[float] = mapped_column(Float)
    geometry: Mapped[bytes] = mapped_column(LargeBinary)
    height_m: Mapped[float | None] = mapped_column(Float)
    storeys: Mapped[int | None]
    diameter_m: Mapped[float | None] = mapped_column(Float)
    properties: Mapped[dict[str, object]] = mapped_column(JSONB)


class FlightCoverageRow(Base):
    """What the photos of a flight cover of the layers that were there at ``computed_at``.

    ``summary`` holds the shares as :mod:`serving.flights.coverage` writes them, ``files`` the
    SHA-256 of each picture and list in the object store, by name.
    """

    __tablename__ = "flight_coverage"
    __table_args__ = (
        CheckConstraint("state in ('queued','done','failed')", name="coverage_state_known"),
    )

    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[datetime] = mapped_column(AWARE)
    computed_at: Mapped[datetime | None] = mapped_column(AWARE)
    layer_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    summary: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    files: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)


class CandidateRow(Base):
    """One physical thing that awaits review, or was decided.

    ``state`` repeats what the last standing decision in ``review_events`` says and is written in
    the same transaction as the event. ``rank`` is the attention order of the class (1 first).

    A candidate that a person merged into another names it in ``merged_into``, keeps its history
    and has no sightings: they are the other's. ``revision`` grows whenever its sightings change.
    Candidates of one place, seen on different dates, share ``place_key``. ``votes``, ``areas`` and
    ``on_building`` are the domain's classes of these names.
    """

    __tablename__ = "candidates"
    __table_args__ = (
        Index(
            "candidate_once_per_flight",
            "flight_id",
            "key",
            unique=True,
            postgresql_where=text("merged_into is null"),
        ),
        CheckConstraint(
            "state in ('pending','confirmed','rejected','unsure','duplicate')",
            name="candidate_state_known",
        ),
        Index("candidates_queue", "state", "rank", text("score desc"), "id"),
        Index("candidates_flight_queue", "flight_id", "state", "rank", text("score desc"), "id"),
        Index("candidates_hazards", "state", text("decided_at desc"), text("id desc")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"))
    key: Mapped[str] = mapped_column(String(64))
    hazard_class: Mapped[str] = mapped_column(String(40))
    rank: Mapped[int]
    score: Mapped[float] = mapped_column(Float)
    lon: Mapped[float | None] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)
    error_m: Mapped[float | None] = mapped_column(Float)
    cov_ee_m2: Mapped[float | None] = mapped_column(Float)
    cov_en_m2: Mapped[float | None] = mapped_column(Float)
    cov_nn_m2: Mapped[float | None] = mapped_column(Float)
    method: Mapped[str | None] = mapped_column(String(40))
    unplaced_reason: Mapped[str | None] = mapped_column(String(64))
    config_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), server_default="pending")
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("candidates.id"))
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("candidates.id"), index=True)
    revision: Mapped[int] = mapped_column(server_default=text("1"))
    place_key: Mapped[str | None] = mapped_column(String(64), index=True)
    is_ambiguous: Mapped[bool] = mapped_column(server_default=false())
    votes: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    on_building: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    areas: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )
    decided_at: Mapped[datetime | None] = mapped_column(AWARE)
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.now())

    sightings: Mapped[list[SightingRow]] = relationship(
        back_populates="candidate", order_by="SightingRow.ordinal", passive_deletes=True
    )


class SightingRow(Base):
    """Which detections show a candidate; a detection shows at most one. Best score first."""

    __tablename__ = "sightings"

    detection_id: Mapped[int] = mapped_column(ForeignKey("detections.id"), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(
        ForeignKey("candidates.id", ondelete="CASCADE"), index=True
    )
    ordinal: Mapped[int]

    candidate: Mapped[CandidateRow] = relationship(back_populates="sightings")
    detection: Mapped[DetectionRow] = relationship()


class ReviewEventRow(Base):
    """What a reviewer did. Append-only: the database refuses to change or delete a row.

    ``idempotency_key`` is the client's own name of the act: sent twice, it is written once.
    """

    __tablename__ = "review_events"
    __table_args__ = (
        CheckConstraint("kind in ('decision','undo')", name="event_kind_known"),
        CheckConstraint("(kind = 'decision') = (verdict is not null)", name="decision_has_verdict"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_decision"),
        UniqueConstraint("user_id", "idempotency_key", name="act_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    verdict: Mapped[str | None] = mapped_column(String(16))
    state_before: Mapped[str] = mapped_column(String(16))
    state_after: Mapped[str] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("candidates.id"))
    undoes: Mapped[int | None] = mapped_column(ForeignKey("review_events.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())


class GroupingEventRow(Base):
    """What a person said of sightings: they show one thing (merge), or two things (split).

    Append-only like ``review_events``. ``parts`` names the sightings of each thing by photo, kind
    and box, ``{candidate_id, sightings: [{photo_sha256, thing, bbox_xyxy}]}``, so that the act
    holds for the boxes of a later model too. A merge joins all parts in ``candidate_id``; a split
    leaves the first part there. An ``undo`` has no parts. ``candidate_ids`` are all concerned.
    """

    __tablename__ = "grouping_events"
    __table_args__ = (
        CheckConstraint("kind in ('merge','split','undo')", name="grouping_kind_known"),
        CheckConstraint("(kind = 'undo') = (undoes is not null)", name="undo_names_grouping"),
        UniqueConstraint("user_id", "idempotency_key", name="grouping_once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flight_id: Mapped[int] = mapped_column(ForeignKey("flights.id"), index=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), index=True)
    candidate_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    kind: Mapped[str] = mapped_column(String(16))
    parts: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    note: Mapped[str | None] = mapped_column(Text)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("grouping_events.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(AWARE, server_default=func.clock_timestamp())
