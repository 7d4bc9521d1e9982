"""Translation: (delivery, shop) -> call, or the reason why there is none; pure."""
