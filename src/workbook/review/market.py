"""What changed in the market during the period, in the consultant's own words (row I1)."""

from __future__ import annotations

from workbook.language import named, text
from workbook.report.blocks import NotMeasured, Paragraph
from workbook.settings.models import Review


def tell_market(review: Review) -> Paragraph | NotMeasured:
    """The comment of ``review.market`` as a paragraph of the review; where nobody wrote one, a note that says so.

    >>> from workbook.language import Edition
    >>> tell_market(Review(market="Prices rose. ")).words.render(Edition("en"))
    'The market in the period, as the consultant saw it: Prices rose.'
    """
    market = review.market
    words = {"": market} if isinstance(market, str) else market
    written = {language: said.strip() for language, said in words.items() if said.strip()}
    if not written:
        return NotMeasured(
            "review.market",
            text("review.market.what", "What changed in the market"),
            why=text("review.market.why", "Nobody has written it down yet: a sentence or two under review.market will do."),
        )
    said = named(written.get("", written))
    return Paragraph(
        "review.market", text("review.market", "The market in the period, as the consultant saw it: {words}", words=said)
    )
