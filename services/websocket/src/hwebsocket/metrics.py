"""Every metric that the websocket service sends."""

from hcommon.metrics import Metric

CONNECTIONS_ACTIVE = Metric(
    "websocket.connections.active", "gauge", "sockets", "Open sockets of this process, reported every 10 seconds."
)
CONNECTIONS_AUTHENTICATED = Metric(
    "websocket.connections.authenticated", "gauge", "sockets", "Those of them that belong to a signed-in user."
)
OPENED = Metric("websocket.opened", "counter", "sockets", "Sockets opened.")
CLOSED = Metric(
    "websocket.closed.{reason}",
    "counter",
    "sockets",
    "Sockets closed, by reason: client, invalid, binary, flood, revoked, too_big, slow, no_pong, missed, shutdown.",
)
REFUSED = Metric(
    "websocket.refused.{reason}",
    "counter",
    "handshakes",
    "Handshakes refused, by reason: bad_handshake, forbidden_origin, unavailable (database away, too many sockets).",
)
SLOW_CONSUMERS = Metric(
    "websocket.slow_consumers", "counter", "sockets", "Sockets closed because their client read too slowly."
)
FRAMES_SENT = Metric("websocket.frames_sent", "counter", "frames", "Events written to sockets.")
FRAMES_DROPPED = Metric(
    "websocket.frames_dropped",
    "counter",
    "frames",
    "Events not written, since their socket was closed before its turn.",
)
EVENTS_HANDLED = Metric("websocket.events.{type}.handled", "counter", "events", "Events taken from the bus, by type.")
EVENTS_FAILED = Metric(
    "websocket.events.{type}.failed",
    "counter",
    "events",
    "Events that could not be handled; clients see them at their next search. Not zero: look for event_failed.",
)
EVENTS_UNKNOWN = Metric(
    "websocket.events.unknown", "counter", "events", "Events of a type that this release does not know."
)
EVENT_LAG = Metric(
    "websocket.event_lag",
    "timer",
    "milliseconds",
    "From the change to the moment its event was handed to sockets. Seconds mean that relay or process is behind.",
)
FAN_OUT = Metric(
    "websocket.fan_out",
    "timer",
    "milliseconds",
    "Time to find the sockets of a batch of events, encode it and write to all of them.",
)

CATALOG: tuple[Metric, ...] = (
    CONNECTIONS_ACTIVE,
    CONNECTIONS_AUTHENTICATED,
    OPENED,
    CLOSED,
    REFUSED,
    SLOW_CONSUMERS,
    FRAMES_SENT,
    FRAMES_DROPPED,
    EVENTS_HANDLED,
    EVENTS_FAILED,
    EVENTS_UNKNOWN,
    EVENT_LAG,
    FAN_OUT,
)
