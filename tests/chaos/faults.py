"""What happens to the system, one thing after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.chaos.system import CutStack
from tests.e2e.infra.stack import BACKING, SERVICES

KILLED_SECONDS: Final = 3.0
CUT_SECONDS: Final = 20.0
MAILS_AT_ONCE: Final = 2
"""Tasks that run at once: each may be sending a mail whose fate nobody can find out."""


@dataclass(frozen=True)
class Fault:
    """One thing that happens.

    Attributes:
        name: What it is called, also among the tests.
        begin: Makes it happen.
        end: Makes it good, as far as it does not do so by itself.
        seconds: How long it lasts, at least.
        duplicates: How many mails may come twice, since SMTP cannot tell.
        ends_sockets: Whether sockets may be closed.
        writes_go_on: Whether every write has to be acknowledged meanwhile.
    """

    name: str
    begin: Callable[[CutStack], object]
    end: Callable[[CutStack], object]
    seconds: float = CUT_SECONDS
    duplicates: int = 0
    ends_sockets: bool = False
    writes_go_on: bool = True


def _kill(name: str) -> Fault:
    return Fault(
        name=f"kill-{name}",
        begin=lambda stack: stack.container(name).kill(),
        end=lambda stack: stack.container(name).start(),
        seconds=KILLED_SECONDS,
        duplicates=MAILS_AT_ONCE if name in ("worker", "postgres") else 0,
        ends_sockets=name == "websocket",
        writes_go_on=name not in ("web", "postgres", "redis"),
    )


def _cut(name: str, backing: str) -> Fault:
    return Fault(
        name=f"cut-{name}-{backing}",
        begin=lambda stack: stack.cut(name, backing),
        end=lambda stack: stack.mend(name, backing),
        duplicates=MAILS_AT_ONCE if name == "worker" and backing in ("mail", "postgres") else 0,
        writes_go_on=name != "web",
    )


def _watermark(stack: CutStack, value: str) -> None:
    stack.run("rabbitmq", "rabbitmqctl", "--quiet", "set_vm_memory_high_watermark", value)


def _drop_queue(stack: CutStack) -> None:
    """Remove the queue of the socket server, as RabbitMQ does when nobody has consumed it for a minute."""
    listed = stack.run("rabbitmq", "rabbitmqctl", "--quiet", "list_queues", "-p", "h", "name").split()
    for name in listed:
        if name.startswith("h.websocket."):
            stack.run("rabbitmq", "rabbitmqctl", "--quiet", "delete_queue", "-p", "h", name)


def _read_only(stack: CutStack, value: str) -> None:
    stack.search_settings("hypothesis", f'{{"index.blocks.read_only": {value}}}')


FAULTS: Final = (
    _cut("web", "postgres"),
    _cut("relay", "rabbitmq"),
    _cut("indexer", "elasticsearch"),
    _cut("websocket", "rabbitmq"),
    _cut("worker", "mail"),
    _cut("worker", "postgres"),
    _cut("relay", "postgres"),
    _cut("indexer", "postgres"),
    _cut("websocket", "postgres"),
    _cut("worker", "rabbitmq"),
    _cut("consumer", "rabbitmq"),
    Fault("drop-queue-of-sockets", begin=_drop_queue, end=lambda _: None, seconds=5, ends_sockets=True),
    Fault("rabbitmq-memory-alarm", begin=partial(_watermark, value="0"), end=partial(_watermark, value="0.6")),
    Fault("elasticsearch-read-only", begin=partial(_read_only, value="true"), end=partial(_read_only, value="null")),
    Fault("elasticsearch-full-disk", begin=CutStack.fill_disk, end=CutStack.clear_disk),
    Fault(
        "restart-postgres",
        begin=lambda stack: stack.container("postgres").restart(timeout=60),
        end=lambda _: None,
        seconds=0,
        duplicates=MAILS_AT_ONCE,
        writes_go_on=False,
    ),
    *map(_kill, (*SERVICES, *BACKING)),
)
