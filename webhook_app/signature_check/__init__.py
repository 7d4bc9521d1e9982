"""Finds out why a signature fails: undoes common changes to a request until the signature matches.

Pure, and independent of signature schemes: the platform's own verify() judges each attempt, so that a new platform
needs no code here.
"""

from webhook_app.signature_check.search import Configuration, Diagnosis, SignatureFinding, diagnose
from webhook_app.signature_check.signed_queries import diagnose_query, query_of

__all__ = ["Configuration", "Diagnosis", "SignatureFinding", "diagnose", "diagnose_query", "query_of"]
