from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
from ray import ObjectRef

class ActorPoolStrategy:
    def __init__(self, *, min_size: int, max_size: int, initial_size: int) -> None: ...

class DataContext:
    enable_progress_bars: bool
    print_on_execution_start: bool
    custom_execution_callback_classes: Sequence[Callable[[], object]]

    @staticmethod
    def get_current() -> DataContext: ...

class RefBundle:
    block_refs: list[ObjectRef[pa.Table]]

class Dataset:
    def map_batches(
        self,
        fn: type,
        *,
        batch_size: int | None,
        batch_format: Literal["pyarrow"],
        fn_constructor_kwargs: Mapping[str, Any],
        compute: ActorPoolStrategy,
        num_cpus: float,
    ) -> Dataset: ...
    def iter_internal_ref_bundles(self) -> Iterator[RefBundle]: ...

def from_arrow(tables: Sequence[pa.Table]) -> Dataset: ...
