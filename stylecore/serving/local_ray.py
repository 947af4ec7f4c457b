"""Starts Ray on this machine, or connects to a cluster."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import psutil

from stylecore.errors import ServerError
from stylecore.host.extras import import_extra

LOCAL = "local"  # address of a Ray of our own on this machine
NAMESPACE = "impasto"
START_TRIES = 4  # Ray itself waits for 30 s, which busy machines exceed
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # else Ray reports its use to its maker
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # Ray's future default, about which it would warn
    "RAY_worker_niceness": "0",  # else everything else on the machine goes before the painting processes
    # Busy machines take longer than Ray's 5 s, after which it would start the same process again.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
}


@contextmanager
def running_ray(address: str = LOCAL, *, cpus: int | None = None) -> Iterator[None]:
    """Run Ray, and end it afterwards.

    On this machine it has no dashboard, and its ports, through which code can be run, ask for a random token.

    Args:
        address: Of a cluster, as for `ray.init`; `local` starts Ray on this machine.
        cpus: Processor cores that Ray may use on this machine; None for all.
    Raises:
        MissingExtraError: Ray is not installed.
        ServerError: Ray does not start, or the cluster does not answer.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    ray = import_extra("ray")
    options = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": "error"}
    if address == LOCAL:
        options |= {"num_cpus": cpus, "include_dashboard": False}
        # Else Ray would keep one in the home folder.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    _start(ray, address, options)
    try:
        yield
    finally:
        ray.shutdown()


def _start(ray: ModuleType, address: str, options: dict[str, Any]) -> None:
    this = psutil.Process()
    before = set(this.children(recursive=True))
    for tries_left in reversed(range(START_TRIES)):
        try:
            ray.init(address=address, **options)
            return
        except Exception as error:  # Ray raises plain exceptions when it takes too long
            for started in set(this.children(recursive=True)) - before:  # it leaves them behind
                with suppress(psutil.NoSuchProcess):
                    started.kill()
            ray.shutdown()
            if not tries_left or "timed out during startup" not in str(error):
                raise ServerError(f"Ray at {address} does not start: {error}") from error
