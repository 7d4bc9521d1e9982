"""Compiled templates that all apps of a test process share: most tests make an app, and each would compile its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2.bccache import Bucket, BytecodeCache

if TYPE_CHECKING:
    from types import CodeType

    from jinja2 import Environment


class CompiledTemplates(BytecodeCache):
    """Stores the code of each source under the rules of its environment; a template that changes is compiled again."""

    def __init__(self) -> None:
        self._codes: dict[str, CodeType] = {}

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        rules = (name, filename, environment.trim_blocks, environment.lstrip_blocks)
        bucket = Bucket(environment, f"{rules}{source}", "")
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code:
            self._codes[bucket.key] = bucket.code
