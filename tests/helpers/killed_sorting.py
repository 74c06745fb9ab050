"""Sorts and undos that are killed at their every line, run as a program of their own.

`python -m tests.helpers.killed_sorting METHOD ROOT TARGET FIRST STRIDE` kills at the FIRST line,
and at every STRIDE-th from there on. It ends in an error if any of these leaves something lost,
doubled or half-written.
"""

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from catdog_gui.classify.sorting import (
    journal,
    journal_folder,
    no_overwrite,
    safe_moves,
    sort_record,
    sorter,
    undo,
)
from catdog_gui.classify.sorting.journal_folder import newest_journal, unfinished_moves
from catdog_gui.classify.sorting.sort_plan import SortMethod, SortRequest
from catdog_gui.classify.sorting.sort_planning import plan_sort
from catdog_gui.classify.sorting.sorter import sort_photos
from catdog_gui.classify.sorting.undo import undo_sort
from tests.helpers.sorting import Tree, names_in, tree_of, write_file
from training.errors import CatDogError

_MODULES = (journal, journal_folder, no_overwrite, safe_moves, sort_record, sorter, undo)
_TRACED = frozenset(module.__file__ for module in _MODULES)
_BLOCK = 1000
"""How many bytes are copied at once, so that there is something between two blocks."""
_PHOTOS = (("a/b.jpg", "cat"), ("c/b.jpg", "cat"), ("d.jpg", "dog"), ("e.jpg", "cat"))
_SORTED = {
    "cat/b.jpg": "a/b.jpg",
    "cat/b.xmp": "a/b.xmp",
    "cat/b.jpg.xmp": "a/b.jpg.xmp",
    "cat/b (2).jpg": "c/b.jpg",
    "cat/b (2).xmp": "c/b.xmp",
    "dog/d.jpg": "d.jpg",
    "cat/e.jpg": "e.jpg",
}
"""Where everything is in the end, and what it was."""


class _Lines:
    """Counts the lines of the sorter that are run, and kills the process at one of them."""

    def __init__(self, deadly: int) -> None:
        self.count = 0
        self._deadly = deadly

    def __call__(self, frame: FrameType, event: str, _: Any) -> "_Lines | None":
        if frame.f_code.co_filename not in _TRACED:
            return None
        if event == "line":
            self.count += 1
            if self.count == self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


class Scene:
    """Photos with side files; two have one name, and one is at the target already."""

    def __init__(self, root: Path, target: Path, method: SortMethod) -> None:
        """Write everything down below two folders."""
        self._root = root
        self._target = target
        self._journals = root.with_name(f"{root.name} journals")
        self._method = method
        for name in sorted(set(_SORTED.values())):
            write_file(root / name, f"{name} " * 20)
        write_file(root / "d.jpg", "long " * _BLOCK)
        write_file(target / "cat" / "e.jpg", "e.jpg " * 20, 1)
        self._photos = tree_of(root)
        self._names = names_in(root), names_in(target)
        self._there = tree_of(target)
        self._across = root.stat().st_dev != target.stat().st_dev

    def sort(self) -> None:
        """Sort the photos that are left, and say so if it is not done to its end."""
        pairs = tuple((self._root / name, label) for name, label in _PHOTOS)
        there = tuple(pair for pair in pairs if pair[0].exists())
        wanted = SortRequest(
            photos=there,
            target=self._target,
            roots=(self._root,),
            method=self._method,
            flatten=True,
        )
        plan = plan_sort(wanted, unfinished_moves(self._journals))
        outcome = sort_photos(plan, self._journals)
        assert not outcome.failure
        assert not outcome.left

    def undo(self) -> None:
        """Undo the newest sort, if one was begun."""
        try:
            newest = newest_journal(self._journals)
        except CatDogError:
            return
        assert not undo_sort(newest).refused

    def check_whole(self) -> None:
        """Check that a killed sort or undo lost nothing, and left nothing half-written in sight."""
        sources, targets = tree_of(self._root), _visible(tree_of(self._target))
        for name, found in targets.items():
            assert found[0] == self._photos[_SORTED[name]][0], f"{name} is not whole"
        for name, photo in self._photos.items():
            places = [photo in _visible(sources).values(), photo in targets.values()]
            if self._method is SortMethod.MOVE and not self._across:
                assert sum(places) == 1, f"{name} is at {places}"
            elif self._method is SortMethod.MOVE:
                assert any(places), f"{name} is nowhere"
            else:
                assert sources[name] == photo, f"{name} was touched"

    def check_sorted(self) -> None:
        """Check that everything has its place, and is at no other."""
        targets = tree_of(self._target)
        assert sorted(targets) == sorted(_SORTED)
        for name, source in _SORTED.items():
            assert targets[name][0] == self._photos[source][0]
        moved = self._method is SortMethod.MOVE
        assert sorted(tree_of(self._root)) == (["e.jpg"] if moved else sorted(self._photos))

    def check_as_before(self) -> None:
        """Check that all is as it was before anything was sorted."""
        assert tree_of(self._root) == self._photos
        assert tree_of(self._target) == self._there
        assert (names_in(self._root), names_in(self._target)) == self._names

    def forget(self) -> None:
        """Forget all sorts."""
        shutil.rmtree(self._journals, ignore_errors=True)


def _visible(tree: Tree) -> Tree:
    return {name: found for name, found in tree.items() if "/." not in f"/{name}"}


def _is_killed(act: Callable[[], None], line: int) -> bool:
    """Run something in a child that is killed at a line; tell whether it came to that."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            sys.settrace(_Lines(line))
            act()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
    return os.WIFSIGNALED(status)


def kill_sorts(scene: Scene, deadly: range) -> int:
    """Kill sorts at lines; undo each, and sort once more instead; return how many were killed."""
    for killed, line in enumerate(deadly):
        scene.forget()
        if not _is_killed(scene.sort, line):
            return killed
        scene.check_whole()
        scene.undo()
        scene.check_as_before()
        scene.forget()
        assert _is_killed(scene.sort, line)
        scene.sort()
        scene.check_sorted()
        scene.undo()
        scene.undo()
        scene.check_as_before()
    raise AssertionError("a sort has fewer lines than that")


def kill_undos(scene: Scene, deadly: range) -> int:
    """Kill undos at lines, and undo once more; return how many were killed."""
    for killed, line in enumerate(deadly):
        scene.forget()
        scene.sort()
        scene.check_sorted()
        if not _is_killed(scene.undo, line):
            return killed
        scene.check_whole()
        scene.undo()
        scene.check_as_before()
    raise AssertionError("an undo has fewer lines than that")


def main() -> None:
    """Kill sorts and undos as the arguments say, and print how many."""
    method, root, target, first, stride = sys.argv[1:]
    safe_moves.READ_BYTES = _BLOCK
    scene = Scene(Path(root), Path(target), SortMethod(method))
    deadly = range(int(first), 100_000, int(stride))
    sorts = kill_sorts(scene, deadly)
    scene.undo()  # the last one, which came to its end
    scene.check_as_before()
    sys.stdout.write(f"{sorts} {kill_undos(scene, deadly)}")


if __name__ == "__main__":
    main()
