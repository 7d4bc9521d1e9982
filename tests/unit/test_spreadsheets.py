"""CSV for spreadsheets."""

from __future__ import annotations

import io
from decimal import Decimal

from webhook_app.spreadsheets import CsvForm, TableWriter

ROW = ("=1+1", "a;b,c", 'say "x"', Decimal("-12.50"), -3, None, "\u00e9", "-x")


def written(form: CsvForm) -> str:
    sink = io.StringIO(newline="")
    TableWriter(sink, form).row(ROW)
    return sink.getvalue()


def test_forms_of_csv() -> None:
    """Excel needs semicolons, decimal commas and a byte order mark; no text becomes a formula in either."""
    assert written(CsvForm.CSV) == '\'=1+1,"a;b,c","say ""x""",-12.50,-3,,\u00e9,\'-x\r\n'
    assert written(CsvForm.EXCEL) == '\ufeff\'=1+1;"a;b,c";"say ""x""";-12,50;-3;;\u00e9;\'-x\r\n'
