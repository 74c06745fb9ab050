"""Being connected to a Ray cluster, or to one started for the purpose, and silence about it."""

import logging
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import CatDogError, ConfigurationError

if TYPE_CHECKING:
    from types import ModuleType

SECONDS_TO_REACH = 5.0
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would report its use to its maker
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # its core writes to the terminal past Python's logging
}
_SOON_GIVEN_UP = {
    "RAY_NUM_REDIS_GET_RETRIES": "2",  # else it takes 14 minutes
    "RAY_py_gcs_connect_timeout_s": "5",
    "RAY_gcs_rpc_server_connect_timeout_s": "2",
}


@contextmanager
def connected(address: str | None) -> "Iterator[ModuleType]":
    """Be connected to a cluster, or to one on this computer that lasts as long as the block."""
    ray = _import_ray(address)
    folder: str | None = None
    termination = signal.getsignal(signal.SIGTERM)  # for which Ray sets a handler of its own
    try:
        folder = _start(ray, address)
        yield ray
    finally:
        ray.shutdown()
        if termination is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, termination)
        if address is None and folder:  # what is left is logs that nobody was told of
            shutil.rmtree(folder, ignore_errors=True)


def _import_ray(address: str | None) -> "ModuleType":
    """Return Ray, which heeds its environment only when it is imported."""
    os.environ.update(_QUIET if address is None else _QUIET | _SOON_GIVEN_UP)
    try:
        import ray.data
    except ImportError as error:
        raise CatDogError(
            "Ray is not installed, which --engine ray needs: "
            'install it with pip install "catdog-gui[cluster]".'
        ) from error
    _quieten()
    return ray


def _quieten() -> None:
    """Keep Ray from printing, and from stumbling over a command line that is no text.

    There is no setting for either; where a name is not used any more, these do nothing.
    """
    for logger in map(logging.getLogger, ("ray", "ray.data")):
        for handler in [h for h in logger.handlers if isinstance(h, logging.StreamHandler)]:
            logger.removeHandler(handler)
    # That a node died would be printed on standard output, between the rows.
    vars(import_module("ray._private.worker"))["_worker_logs_enabled"] = False
    # The cluster is told the whole command line, which may hold names of any bytes.
    vars(import_module("ray._private.utils"))["get_entrypoint_name"] = lambda: "catdog classify"


def _start(ray: "ModuleType", address: str | None) -> str:
    """Start Ray on this computer or join a cluster, and return its folder on this computer."""
    # Without "local" it would join the cluster that RAY_ADDRESS may name.
    alone = {} if address else {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        if address is not None and address != "auto":
            _reach(address)
        with _standard_error_closed():
            context = ray.init(
                address or "local", log_to_driver=False, logging_level=logging.CRITICAL, **alone
            )
    except (RuntimeError, ValueError, OSError, OverflowError, ray.exceptions.RayError) as error:
        raise CatDogError(
            f"There is no Ray cluster at {address}: start one with ray start --head, have this "
            "computer join it, and give the address that ray start printed."
            if address
            else f"Ray cannot be started on this computer ({last_line(error)}): leave out "
            "--engine ray, or name a cluster that runs with --address."
        ) from error
    return str(context.address_info["session_dir"])


def _reach(address: str) -> None:
    """Find out in seconds whether anybody listens, which takes Ray itself many minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ConfigurationError(
            f"{address!r} is no address of a Ray cluster: give HOST:PORT, as ray start printed it."
        )
    socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_REACH).close()


@contextmanager
def _standard_error_closed() -> Iterator[None]:
    """Keep from the terminal what Ray's core says of itself, which heeds no setting of Python's."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def last_line(error: Exception | None) -> str:
    """Return what an error comes to; Ray's are many lines, as they were on another node."""
    return str(error or "there is no answer").strip(" .\n").rpartition("\n")[2]
