"""Tables for spreadsheets: CSV with commas, or as Excel reads it where a comma is part of numbers."""

from __future__ import annotations

import csv
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# Spreadsheets read a cell that starts with one of these as a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r")
BOM = "\ufeff"  # by which Excel recognises UTF-8


class CsvForm(StrEnum):
    """How a table is written; EXCEL has semicolons, decimal commas and a byte order mark."""

    CSV = "csv"
    EXCEL = "excel"


class TableWriter:
    """Writes rows to a text file that was opened with newline=""."""

    def __init__(self, sink: Any, form: CsvForm) -> None:
        """Write what comes before the first row."""
        self._excel = form is CsvForm.EXCEL
        if self._excel:
            sink.write(BOM)
        self._writer = csv.writer(sink, delimiter=";" if self._excel else ",")

    def row(self, values: Iterable[object]) -> None:
        """Write a row."""
        self._writer.writerow([self._cell(value) for value in values])

    def _cell(self, value: object) -> str:
        if isinstance(value, Decimal):
            return str(value).replace(".", ",") if self._excel else str(value)
        text = "" if value is None else str(value)
        return f"'{text}" if text.startswith(FORMULA) and not isinstance(value, int | float) else text
