"""Contrast of colours by WCAG 2.2, so that a brand's colour never costs legibility."""

from __future__ import annotations

import colorsys

TEXT_CONTRAST = 4.5


def luminance(colour: str) -> float:
    """Relative luminance of ``#RRGGBB``, 0 black to 1 white.

    >>> round(luminance("#FFFFFF"), 3), round(luminance("#777777"), 3)
    (1.0, 0.184)
    """

    def linear(part: int) -> float:
        c = part / 255
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21.

    >>> round(contrast("#000000", "#FFFFFF"))
    21
    """
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def legible(colour: str, ground: str = "#FFFFFF", least: float = TEXT_CONTRAST) -> str:
    """*colour*, darkened just so far that text in it can be read on *ground*.

    >>> legible("#12436D"), contrast(legible("#FFD400"), "#FFFFFF") >= 4.5
    ('#12436D', True)
    """
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    shown = colour
    while contrast(shown, ground) < least and light > 0:
        light = max(0.0, light - 0.01)
        shown = "#" + "".join(f"{round(255 * part):02X}" for part in colorsys.hls_to_rgb(hue, light, saturation))
    return shown
