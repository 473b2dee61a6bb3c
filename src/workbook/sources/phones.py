"""Phone numbers as E.164, ``+442079460958``: what SQL cannot normalise goes through Google's library, each number once."""

from __future__ import annotations

import duckdb
import phonenumbers

_CHINESE = "[+]86[0-9]{9,12}"
"""Chinese mobiles and lines with their area, which SQL has normalised already."""


def write_e164(connection: duckdb.DuckDBPyConnection, table: str, column: str, country: str, *, keep: bool) -> None:
    """Bring the phones of a table to E.164.

    Args:
        country: ISO code of the country in which numbers without a country code are read.
        keep: whether numbers that cannot be (extensions, short codes) stay as they are; they become null otherwise.
    """
    found = connection.execute(
        f"select distinct {column} as phone from {table} where {column} is not null "
        f"and not regexp_full_match({column}, '{_CHINESE}') order by 1"
    ).df()
    if found.empty:
        return
    normal = found["phone"].map(lambda phone: e164(str(phone), country))
    changed = found.assign(normal=normal.where(normal.notna(), found["phone"]) if keep else normal)
    connection.register("delivered", changed)
    connection.execute(
        f"update {table} set {column} = delivered.normal from delivered where {table}.{column} = delivered.phone"
    )
    connection.unregister("delivered")


def e164(phone: str, country: str) -> str | None:
    """A phone number as E.164; None where no such number is possible.

    >>> e164("(020) 7946 0958", "GB"), e164("00442079460958", "GB"), e164("2079", "GB")
    ('+442079460958', '+442079460958', None)
    """
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return None
    # a number that only works inside one town is not possible enough: many towns have it
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
