"""Parameters as types (:mod:`models`), and how they are read in layers (:mod:`reading`)."""

from workbook.settings.models import Settings

__all__ = ["Settings"]
