"""Amazon EventBridge: targets of rules receive whole events."""

SEAMS = (("moto.events.utils", "repairs.accounts.plug"),)
