"""The model of likeness as the file that intake reads (`likeness.unpacked`)."""

from __future__ import annotations

from io import BytesIO

import numpy as np

from services.intake.domain.issues.likeness import Model


def packed(model: Model) -> bytes:
    """The model as a file: meanings in 8 bits."""
    scale = float(np.abs(model.meanings).max()) / 127
    file = BytesIO()
    np.savez_compressed(
        file,
        grams=np.frombuffer("\n".join(model.rows).encode(), np.uint8),
        weights=model.weights,
        unknown=np.float32(model.unknown),
        meanings=np.rint(model.meanings / scale).astype(np.int8),
        scale=np.float32(scale),
        about=np.float32(model.about),
        issues=model.issues.astype(np.float16),
    )
    return file.getvalue()
