"""Why a signature fails: every common mishap is undone, and the one after which it matches is what happened.

Pure, and knows no scheme: a platform's own verify() judges each try, so that a new platform needs nothing here.
"""

from webhook_app.diagnosis.queries import diagnose_query, query_of
from webhook_app.diagnosis.verdict import Finding, Known, Verdict, diagnose

__all__ = ["Finding", "Known", "Verdict", "diagnose", "diagnose_query", "query_of"]
