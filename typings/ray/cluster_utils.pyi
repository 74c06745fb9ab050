from typing import Any

class ProcessInfo:
    process: Any

class Node:
    all_processes: dict[str, list[ProcessInfo]]

    def get_session_dir_path(self) -> str: ...

class Cluster:
    head_node: Node
    address: str

    def __init__(self, initialize_head: bool = ..., *, head_node_args: dict[str, Any]) -> None: ...
    def add_node(self, *, num_cpus: int) -> Node: ...
    def remove_node(self, node: Node, allow_graceful: bool = ...) -> None: ...
    def shutdown(self) -> None: ...
