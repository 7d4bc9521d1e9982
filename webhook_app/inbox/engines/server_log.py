"""What PostgreSQL writes into its own log: the parameters of statements are bodies and calls."""

from __future__ import annotations

GRANTS = 150_000  # the first version in which an administrator may grant a role to set a parameter
OFF = "SELECT set_config('log_parameter_max_length_on_error', '0', false)"
# https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-LOG-PARAMETER-MAX-LENGTH
OFF_AS_ADMINISTRATOR = f"""{OFF}, CASE WHEN current_setting('is_superuser') = 'on'
    THEN set_config('log_parameter_max_length', '0', false) END"""
OFF_IF_GRANTED = f"""{OFF}, CASE WHEN has_parameter_privilege('log_parameter_max_length', 'SET')
    THEN set_config('log_parameter_max_length', '0', false) END"""
ADVICE = (
    "The log of the database holds parameters of statements, which are webhooks with personal data. As its "
    "administrator run: ALTER ROLE <the receiver's role> SET log_parameter_max_length = 0."
)


def without_parameters(version: int) -> str:
    """Return the statement that keeps parameters out of the server's log in a session, where its role may."""
    return OFF_IF_GRANTED if version >= GRANTS else OFF_AS_ADMINISTRATOR
