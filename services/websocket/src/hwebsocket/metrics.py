"""Every metric that the websocket service sends."""

from hcommon.metrics import Metric

CONNECTIONS_ACTIVE = Metric(
    "websocket.connections.active",
    "gauge",
    "sockets",
    "Open sockets of this process, reported every 10 seconds. Of several processes under one prefix the last report "
    "counts; all together have `websocket.opened` less `websocket.closed.{reason}`.",
    act="Within 10 % of `WEBSOCKET_MAX_CONNECTIONS` (20 000 unless set): run another websocket process; from there on "
    "handshakes are refused with 503.",
)
CONNECTIONS_AUTHENTICATED = Metric(
    "websocket.connections.authenticated", "gauge", "sockets", "Those of them that belong to a signed-in user."
)
OPENED = Metric(
    "websocket.opened",
    "counter",
    "sockets",
    "Sockets opened. A peak without a restart means that something between here and the clients cuts connections.",
)
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
    "Handshakes refused, by reason: bad_handshake, forbidden_origin, too_many (of one address), unavailable (database "
    "away, too many sockets).",
    act="More than 20 in 10 minutes: `unavailable`: `/readyz` of the websocket service says whether the database is "
    "away, otherwise run another process; `forbidden_origin`: the log's `origin_refused` names it, add it to "
    "`ALLOWED_ORIGINS` if it is yours; `too_many`: many behind one address, raise "
    "`WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS`; `bad_handshake`: a proxy does not pass `Upgrade` on.",
)
SLOW_CONSUMERS = Metric(
    "websocket.slow_consumers",
    "counter",
    "sockets",
    "Sockets closed because their client read too slowly; it comes back by itself and has missed nothing after a "
    "reload.",
    act="More than 20 in 10 minutes: the network or the proxy is at its limit, or `WEBSOCKET_SEND_QUEUE_BYTES` "
    "is too small "
    "for the bursts that there are.",
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
    "Events that could not be handled; clients see what they are about at their next search.",
    act="Any: search the log for `event_failed`; it has the traceback.",
)
EVENTS_UNKNOWN = Metric(
    "websocket.events.unknown",
    "counter",
    "events",
    "Events of a type that this release does not know.",
    act="Any, except during an upgrade: the process is older than what records the events; upgrade it.",
)
EVENT_LAG = Metric(
    "websocket.event_lag",
    "timer",
    "milliseconds",
    "From the change to the moment its event was handed to sockets.",
    act="One in twenty above 2 s for 10 minutes: `worker.outbox.age_seconds` says whether the relay is behind; if not, "
    "this process is (`websocket.fan_out`, `websocket.batches.full`): run another one.",
)
FAN_OUT = Metric(
    "websocket.fan_out",
    "timer",
    "milliseconds",
    "Time to find the sockets of a batch of events, encode it and write to all of them.",
)
BATCHES_FULL = Metric(
    "websocket.batches.full",
    "counter",
    "batches",
    "Batches of 200 events, the most there may be: a burst, an import for example, of which more was waiting.",
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
    BATCHES_FULL,
)
