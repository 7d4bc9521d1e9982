"""The keys of a shop's table, and how each is written."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from schemas.event_types import EVENT_TYPES
from schemas.events import Channel, Payment
from webhook_app.config import dropped_fields, shop_api
from webhook_app.config.dropped_fields import DroppedFields
from webhook_app.config.shop_fields import LABEL, Addresses, AlertAddresses, Constants, Duration, FieldPaths, TimeZone
from webhook_app.config.validators import validate_http_url, validate_rate

SALES_CHANNEL = r"[0-9a-f]{32}(/[0-9a-f]{32})?\Z"
SALES_CHANNEL_HELP = 'expected "<id of a sales channel>" or "<id of a sales channel>/<id of a language>"'
_FILLED = validate.Length(min=1, error="is empty")
_WRITTEN = validate.Regexp(r"\s*\S", error="is empty")


class ShopSchema(Schema):
    """A table [shops.<name>], after every `${NAME}` in it was replaced."""

    platform = fields.String(required=True)
    secrets = fields.List(
        fields.String(validate=_WRITTEN),
        load_default=None,
        validate=_FILLED,
        error_messages={"invalid": 'expected a list such as ["${{ACME_SECRET}}"]'},
    )
    app_secret = fields.String(load_default=None, validate=_WRITTEN)
    instance_key = fields.String(
        required=True, validate=validate.Regexp(r"[A-Za-z0-9]{8}\Z", error="expected 8 letters and digits")
    )
    product_key = fields.String(load_default="{product_id}")
    # The keys are called fields and fields_by_locale in the document; Schema has a `fields` of its own.
    constants = Constants(data_key="fields", load_default=dict)
    constants_by_locale = fields.Dict(
        data_key="fields_by_locale", keys=fields.String(), values=Constants(), load_default=dict
    )
    constants_by_sales_channel = fields.Dict(
        data_key="fields_by_sales_channel",
        keys=fields.String(validate=validate.Regexp(SALES_CHANNEL, error=SALES_CHANNEL_HELP)),
        values=Constants(),
        load_default=dict,
    )
    profile_attribute = fields.String(load_default="tweakwise_profile_key", validate=_WRITTEN)
    profile_salt = fields.String(load_default=None, validate=_WRITTEN)
    purchase_on = fields.String(
        load_default="placed", validate=validate.OneOf([*(stage.name.lower() for stage in Payment), "pending"])
    )
    no_purchase_statuses = fields.List(fields.String(validate=_WRITTEN), load_default=list)
    renewals = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    test_orders = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    channels = fields.List(fields.String(validate=validate.OneOf(list(Channel))), load_default=list)
    revenue_currency = fields.String(
        load_default=None, validate=validate.Regexp(r"[A-Z]{3}\Z", error="expected a currency code such as EUR")
    )
    purchase_after = Duration(load_default=0.0)
    require_consent = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    extra_events = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    repeat_within = fields.Float(load_default=5.0, validate=validate.Range(0, 3600))
    source = fields.String(load_default=None, validate=LABEL)
    source_by_event = fields.Dict(
        keys=fields.String(validate=validate.OneOf(list(EVENT_TYPES), error="is no event: {choices}")),
        values=fields.String(validate=LABEL),
        load_default=dict,
    )
    tweakwise_url = fields.String(load_default=None, validate=validate_http_url)
    max_rate = fields.Float(load_default=None, validate=validate_rate)
    domain = Addresses(load_default=())
    api = fields.Nested(shop_api.ApiSchema, load_default=None)
    alert_url = AlertAddresses(load_default=())
    timezone = TimeZone(load_default="UTC")
    drop_fields = FieldPaths(load_default=DroppedFields(dropped_fields.DEFAULT))


SCHEMA = ShopSchema()
KEYS = tuple(field.data_key or name for name, field in SCHEMA.fields.items())  # of a shop's table
# Tables whose keys are checked too: marshmallow separates a key's faults from a value's, the document does not.
PAIRS = (["fields_by_locale"], ["fields_by_sales_channel"], ["source_by_event"])
