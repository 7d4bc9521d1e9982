"""What a privacy request is about, as it is stored while the request is carried out; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemas.events import Redaction
from webhook_app.translation.profile_key import derived_key

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop


@dataclass(frozen=True, slots=True)
class Subject:
    """What identifies the deliveries of a privacy request.

    `about` is the request, with a domain unless it concerns every address of the shop. `keys` are profile keys that
    are known, `carried` those that deliveries found so far carried. `follows` is whether this is the second search.
    """

    about: Redaction
    order_numbers: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    carried: frozenset[str] = frozenset()
    follows: bool = False

    @classmethod
    def of(cls, about: Redaction, shop: Shop) -> Subject:
        """Return the subject of a platform's request, with the key that the shop derives from the customer's id."""
        derived = (about.customer_id, shop.profile_salt)
        return cls(about, keys=frozenset([derived_key(*derived)] if all(derived) else []))  # type: ignore[arg-type]

    @property
    def is_whole_shop(self) -> bool:
        """Whether everything of an address is meant."""
        about = self.about
        return not (about.customer_id or about.order_ids or about.personal or self.order_numbers or self.keys)

    def as_json(self) -> str:
        """Return the subject as text, to be stored."""
        about = self.about
        values = {
            "domain": about.domain,
            "customer_id": about.customer_id,
            "order_ids": sorted(about.order_ids),
            "personal": sorted(about.personal),
            "order_numbers": sorted(self.order_numbers),
            "keys": sorted(self.keys),
            "carried": sorted(self.carried),
            "follows": self.follows,
        }
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> Subject:
        """Return a stored subject."""
        read = json.loads(text)
        about = Redaction(
            read["domain"], read["customer_id"], frozenset(read["order_ids"]), frozenset(read["personal"])
        )
        sets = {name: frozenset(read[name]) for name in ("order_numbers", "keys", "carried")}
        return cls(about, **sets, follows=read["follows"])

    def second(self) -> Subject | None:
        """Return the subject of the second search, None where one is enough."""
        more = self.carried - self.keys
        return replace(self, keys=frozenset(more), carried=frozenset(), follows=True) if more else None
