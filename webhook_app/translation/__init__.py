"""Translation of a delivery for its shop: a call, or the reason why there is none. Pure."""
