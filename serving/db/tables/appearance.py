"""What things look like, as numbers of the model that found them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.tables.base import Base


class DetectionAppearanceRow(Base):
    """The appearance vector of a detection: float16, little endian, of length one.

    Two vectors compare only where ``weights_sha256`` is the same: it names the weights that made
    them, which may be later ones than those that found the thing.
    """

    __tablename__ = "detection_appearance"

    detection_id: Mapped[int] = mapped_column(
        ForeignKey("detections.id", ondelete="CASCADE"), primary_key=True
    )
    weights_sha256: Mapped[str] = mapped_column(String(64))
    vector: Mapped[bytes] = mapped_column(LargeBinary)
