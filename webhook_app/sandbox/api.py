"""The calls POST /api/<event>: delayed or failing if switched on, otherwise validated, stored and answered 204."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from webhook_app.errors import CallRefusedError, UnreadableBodyError
from webhook_app.sandbox.analytics import SCHEMAS, faults_of, is_instance_key, read_body, unknown_products
from webhook_app.sandbox.context import current
from webhook_app.sandbox.events import SandboxCall
from webhook_app.sandbox.failure_switches import HANG_SECONDS

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from webhook_app.sandbox.analytics import Body
    from webhook_app.sandbox.context import Sandbox
    from webhook_app.sandbox.failure_switches import FailureSettings

CONTENT_TYPES = ("application/json", "text/json")
MAX_BODY = 1024 * 1024

api = Blueprint("api", __name__, url_prefix="/api")


@api.post(f"/<any({', '.join(SCHEMAS)}):event>")
def receive(event: str) -> ResponseReturnValue:
    """Answer one call of the Analytics API."""
    sandbox = current()
    switches = sandbox.failures.of(request.headers.get("Instance-Key", ""))
    sandbox.failures.wait(switches.delay_ms / 1000)
    try:
        _fail_if_switched_on(switches)
        call = _accept(event, sandbox)
    except CallRefusedError as refusal:
        sandbox.store.refuse(event, refusal.status, refusal.reason, refusal.errors)
        return _refuse(refusal)
    sandbox.store.store(call)
    if switches.hang:
        sandbox.failures.wait(HANG_SECONDS)
    return "", 204


def _fail_if_switched_on(switches: FailureSettings) -> None:
    if switches.fails:
        raise _trouble(switches)


def _trouble(switches: FailureSettings) -> CallRefusedError:
    sentence = f"Answered {switches.status} because of the failure switches."
    return CallRefusedError(switches.status, "trouble", {"trouble": [sentence]}, switches.retry_after)


def _refuse(refusal: CallRefusedError) -> Response:
    response = jsonify(errors=refusal.errors)
    response.status_code = refusal.status
    if refusal.retry_after:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _accept(event: str, sandbox: Sandbox) -> SandboxCall:
    instance_key = _instance_key(sandbox)
    _check_content_type()
    raw = _raw_body()
    body = _body(event, raw)
    unknown = unknown_products(body, sandbox.catalogue)
    return SandboxCall(instance_key, event, request.headers.get("TWN-Source"), body, len(raw), unknown)


def _instance_key(sandbox: Sandbox) -> str:
    key = request.headers.get("Instance-Key")
    if key is None:
        raise _unauthorised("The header is missing.")
    if not is_instance_key(key, ()):
        raise _unauthorised("Must be 8 letters and digits.")
    if not is_instance_key(key, sandbox.instance_keys):
        raise _unauthorised("Is not one of the instance keys of this sandbox.")
    return key


def _unauthorised(sentence: str) -> CallRefusedError:
    return CallRefusedError(401, "instance key", {"Instance-Key": [sentence]})


def _check_content_type() -> None:
    if request.mimetype not in CONTENT_TYPES:
        sentence = f"Must be {' or '.join(CONTENT_TYPES)}."
        raise CallRefusedError(415, "content type", {"Content-Type": [sentence]})


def _raw_body() -> bytes:
    try:
        raw = request.get_data()
    except RequestEntityTooLarge:
        raise _too_large() from None
    if len(raw) > MAX_BODY:
        raise _too_large()
    return raw


def _too_large() -> CallRefusedError:
    return CallRefusedError(413, "size", {"body": [f"Must not be larger than {MAX_BODY} bytes."]})


def _body(event: str, raw: bytes) -> Body:
    try:
        body = read_body(raw)
    except UnreadableBodyError:
        raise CallRefusedError(400, "json", {"body": ["Must be valid JSON in UTF-8."]}) from None
    if faults := faults_of(event, body):
        raise CallRefusedError(400, "body", faults)
    valid: Body = body
    return valid
