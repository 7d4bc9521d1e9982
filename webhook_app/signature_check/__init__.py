"""Why a signature fails: every common mishap is undone, and the one after which it matches is what happened.

Pure, and knows no scheme: a platform's own verify() judges each try, so that a new platform needs nothing here.
"""

from webhook_app.signature_check.search import Configuration, Diagnosis, SignatureFinding, diagnose
from webhook_app.signature_check.signed_queries import diagnose_query, query_of

__all__ = ["Configuration", "Diagnosis", "SignatureFinding", "diagnose", "diagnose_query", "query_of"]
