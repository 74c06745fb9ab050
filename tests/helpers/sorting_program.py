"""A sort in a process of its own, on a disk that fills up or without permissions.

`python -m tests.helpers.sorting_program METHOD ROOT TARGET JOURNALS LEAVE_FREE` sorts the photos in
ROOT as cats, and prints what came of it as JSON. Root becomes nobody first. If LEAVE_FREE is not 0
the target's disk is filled up to so many bytes once the plan is made.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from catdog_gui.classify.sorting.sort_plan import SortMethod, SortRequest
from catdog_gui.classify.sorting.sort_planning import plan_sort
from catdog_gui.classify.sorting.sorter import sort_photos
from catdog_gui.commands.sorting import outcome_values

_NOBODY = 65_534


def main() -> None:
    """Sort as the arguments say."""
    method, *folders, leave_free = sys.argv[1:]
    root, target, journals = map(Path, folders)
    if leave_free == "0" and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    photos = tuple((photo, "cat") for photo in sorted(root.rglob("*.jpg")))
    wanted = SortRequest(
        photos=photos, target=target, roots=(root,), method=SortMethod(method), flatten=True
    )
    plan = plan_sort(wanted)
    if leave_free != "0":
        free = shutil.disk_usage(target).free
        Path(target, "filler").write_bytes(bytes(free - int(leave_free)))
    sys.stdout.write(json.dumps(outcome_values(sort_photos(plan, journals))))


if __name__ == "__main__":
    main()
