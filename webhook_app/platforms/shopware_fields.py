"""Which fields of Shopware's messages are shown on pages.

Nothing about a customer or an address, no text that a person wrote, and no link: `deepLinkCode` opens the order's page.
"""

from __future__ import annotations

from webhook_app.masking import shown

# Fields whose names are shown and whose values are masked.
_NAMES = """
    active additionalAddressLine1 additionalAddressLine2 addresses affiliateCode apiAlias billingAddress
    billingAddressId campaignCode city code company country countryState createdById currencyFactor customFields
    customerComment customerNumber deepLinkCode department description documents email extensions firstName identifier
    label lastName name orderCustomer paymentMethod phoneNumber promotionId salutation shippingMethod
    shippingOrderAddress street tags title trackingCodes translated tweakwise_profile_key updatedById vatId vatIds
    versionId zipcode _uniqueIdentifier customer customerId guest locale language
"""
_STATE = shown(word="stateMachineState.technicalName")
_PRICE = shown(
    money="unitPrice totalPrice calculatedTaxes[].tax calculatedTaxes[].price netPrice positionPrice rawTotal",
    count="quantity calculatedTaxes[].taxRate",
    word="taxStatus",
)
_LINE = shown(
    ref="id productId referencedId parentId payload.productNumber payload.parentId",
    word="type states[]",
    count="quantity position",
    money="unitPrice totalPrice",
    flag="good removable stackable",
)
ORDER = (
    shown(
        _NAMES,
        ref="id orderNumber currencyId salesChannelId languageId language.id currency.id",
        date="createdAt updatedAt orderDateTime orderDate",
        money="amountTotal amountNet positionPrice shippingTotal",
        word="taxStatus",
        code="currency.isoCode language.locale.code",
    )
    | _STATE
    | _PRICE.below("price", "shippingCosts")
    | _LINE.below("lineItems[]")
    | (_STATE | shown(ref="id paymentMethodId", date="createdAt updatedAt")).below("transactions[]")
    | _PRICE.below("transactions[].amount")
    | (_STATE | shown(ref="id shippingMethodId", date="createdAt updatedAt")).below("deliveries[]")
    | _PRICE.below("deliveries[].shippingCosts")
)
_MESSAGE = shown(
    "data payload order source",
    ref="data.event source.url source.eventId source.shopId source.appVersion",
    id="timestamp",
)
_WRITTEN = shown(
    "updatedFields", word="data.payload[].entity data.payload[].operation", ref="data.payload[].primaryKey"
)
SHOWN = {
    "checkout.order.*": _MESSAGE | ORDER.below("data.payload.order"),
    "state_enter.order*": _MESSAGE | ORDER.below("data.payload.order"),
    "order*.*": _MESSAGE | _WRITTEN,
    "backfill/order": ORDER.below("data.payload.order") | shown("data payload order"),
    "app.*": _MESSAGE,
}
