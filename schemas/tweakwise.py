"""Bodies of the Tweakwise Analytics API, written and validated: https://docs.tweakwise.com (Analytics API)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from schemas.base import PlainSchema
from schemas.event_types import EVENT_TYPES

if TYPE_CHECKING:
    from schemas.event_types import EventType


class Body(PlainSchema):
    """The JSON object of one kind of call. Decimals become JSON numbers here and not before."""

    def write(self, **values: Any) -> dict[str, Any]:
        """Return the body with these values, without those that are None.

        Raises marshmallow's ValidationError where the API would refuse the body, and TypeError for an unknown value.
        """
        if unknown := values.keys() - self.dump_fields.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        body = {
            field.data_key or name: field._serialize(values[name], name, values)  # noqa: SLF001 - a third of dump()'s time
            for name, field in self.dump_fields.items()
            if values.get(name) is not None
        }
        self.load(body)  # serializing does not validate
        return body


def _body(event: EventType) -> Body:
    needed = [value for value in event.required if not value.may_be_unknown]
    own = {value.name: value.write(data_key=value.api, required=value in needed) for value in event.values}
    return cast("Body", Body.from_dict(own, name=f"{event.title}Body")())


# By the event's name, which is the last part of the URL that the body is posted to.
BODIES: dict[str, Body] = {event.name: _body(event) for event in EVENT_TYPES.values()}
