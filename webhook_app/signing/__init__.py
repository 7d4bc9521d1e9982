"""Signature schemes: verify() beside sign(), for each way in which platforms sign webhooks."""
