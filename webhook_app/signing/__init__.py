"""Signature schemes: verify() beside sign(); bytes in, BadSignatureError out and no other exception."""
