"""The event bus over kombu: RabbitMQ in production, the same code on Redis in the embedded mode."""

try:
    from kombu.transport import TRANSPORT_ALIASES
except ModuleNotFoundError:
    pass  # the web image has none: of all this it needs `deadletters`, which talks to PostgreSQL alone
else:
    # Here, so that it is done before anything of ours connects: kombu keeps the first answer for a name.
    TRANSPORT_ALIASES["redis"] = "hcommon.bus.redis:Transport"
