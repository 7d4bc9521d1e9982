"""Translation of payloads: a platform's payload to an event or a reason. Pure: no I/O, no imports of webhook_app."""
