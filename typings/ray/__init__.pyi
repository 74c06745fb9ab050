# The part of Ray that this project uses; its own types leave most of it untyped.

from typing import Any, Generic, TypeVar

_Kept = TypeVar("_Kept")

class ObjectRef(Generic[_Kept]): ...

class Context:
    address_info: dict[str, Any]

def init(
    address: str | None = ...,
    *,
    include_dashboard: bool | None = ...,
    logging_level: int | str = ...,
    log_to_driver: bool = ...,
    _node_ip_address: str | None = ...,
) -> Context: ...
def is_initialized() -> bool: ...
def shutdown() -> None: ...
def put(value: _Kept) -> ObjectRef[_Kept]: ...
def get(reference: ObjectRef[_Kept]) -> _Kept: ...
def nodes() -> list[dict[str, Any]]: ...
