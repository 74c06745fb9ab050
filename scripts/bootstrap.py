"""Sets CatDog Studio up in a virtual environment of its own, then starts what was asked for.

It needs nothing but Python's standard library. The first call installs everything, which takes a
few minutes; every later one sees from a stamp file that nothing has changed and goes straight on.
This file must stay readable to older Pythons, so that it can tell their users what is missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

PROJECT = Path(__file__).resolve().parent.parent
LOCK_FILE = PROJECT / "requirements.lock"
PROJECT_FILE = PROJECT / "pyproject.toml"

VENV = PROJECT / ".venv"
VENV_PROGRAMS = VENV / ("Scripts" if sys.platform == "win32" else "bin")
PROGRAM_SUFFIX = ".exe" if sys.platform == "win32" else ""
STAMP_FILE = VENV / "catdog-setup.json"
# The file by which the project's build tool lets Python find the project's packages.
PROJECT_LINK_NAME = "_catdog_gui.pth"

SUPPORTED_PYTHONS = ((3, 11), (3, 12), (3, 13))

WINDOW_LIBRARIES = (
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-image0",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxkbcommon-x11-0",
    "libegl1",
    "libgl1",
    "libdbus-1-3",
    "libfontconfig1",
)
# The window opens with any other font too, so a missing one never keeps a user from it.
WINDOW_FONTS = ("fonts-dejavu-core",)
VIRTUAL_SCREEN = ("xvfb", "xdotool", "fonts-noto-cjk")

# Names for groups of Debian packages; the stamp remembers those found complete.
WINDOW = "window"
SCREEN = "screen"
SYSTEM_PACKAGES = {WINDOW: WINDOW_LIBRARIES + WINDOW_FONTS, SCREEN: VIRTUAL_SCREEN}

LINT_STEPS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)

# What a user's desktop says about screens and styles; tests must look the same everywhere.
DESKTOP_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORMTHEME", "QT_STYLE_OVERRIDE")

INTERRUPTED_EXIT_CODE = 130


class SetupError(Exception):
    """Something the user has to know or do, as a whole sentence."""


@dataclass(frozen=True)
class Stamp:
    """What a finished set-up was made from; another set-up is due when this changes.

    Attributes:
        packages: A digest of all that the installed packages depend on.
        project: A digest of the project's own description.
        system: The groups of system packages that were found complete.
    """

    packages: str = ""
    project: str = ""
    system: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Command:
    """One thing this script can be asked for.

    Attributes:
        summary: One line for the usage text.
        action: What to do once all is set up; takes the remaining arguments, returns the exit code.
        system: The groups of system packages it needs.
    """

    summary: str
    action: Callable[[Sequence[str]], int]
    system: frozenset[str] = frozenset()


def say(message: str) -> None:
    """Writes one line for the user.

    It goes to standard error, because standard output belongs to the program that is started.
    """
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def venv_program(name: str) -> str:
    """Returns where a program of the virtual environment lies."""
    return str(VENV_PROGRAMS / (name + PROGRAM_SUFFIX))


def child_environment() -> dict[str, str]:
    """Returns the environment variables for programs of the virtual environment."""
    environment = dict(os.environ)
    # Packages from elsewhere would hide the locked ones, and pip would take them for installed.
    for name in ("PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    return environment


def setup_environment() -> dict[str, str]:
    """Returns the environment variables for pip and apt-get, which must neither ask nor chat."""
    return child_environment() | {
        "DEBIAN_FRONTEND": "noninteractive",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def check_environment() -> dict[str, str]:
    """Returns the environment variables for tests: no screen, unless the user has chosen one."""
    environment = child_environment()
    if "QT_QPA_PLATFORM" not in environment:
        environment["QT_QPA_PLATFORM"] = "offscreen"
        for name in DESKTOP_VARIABLES:
            environment.pop(name, None)
    return environment


def run_setup_step(command: Sequence[str], failure: str) -> None:
    """Runs one program of the set-up.

    Args:
        command: The program with its arguments.
        failure: The sentence for the user if it fails.

    Raises:
        SetupError: The program failed.
    """
    completed = subprocess.run(
        command,
        cwd=PROJECT,
        env=setup_environment(),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        # The program holds the set-up's lock too, in case it outlives this process.
        close_fds=False,
        check=False,
    )
    if completed.returncode != 0:
        raise SetupError(failure)


def digest(parts: Iterable[bytes]) -> str:
    """Returns one digest of several parts, which depends on where one ends and the next begins."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def current_stamp(system: frozenset[str]) -> Stamp:
    """Returns the stamp that a set-up finished now would have."""
    # The path counts because the programs in a virtual environment contain it.
    environment = f"{sys.implementation.cache_tag}\n{PROJECT}".encode(errors="surrogateescape")
    return Stamp(
        packages=digest([LOCK_FILE.read_bytes(), environment]),
        project=digest([PROJECT_FILE.read_bytes()]),
        system=system,
    )


def read_stamp() -> Stamp:
    """Returns the stamp of the last finished set-up, or an empty one if there is none."""
    try:
        content = json.loads(STAMP_FILE.read_text(encoding="utf-8"))
        return Stamp(
            packages=str(content["packages"]),
            project=str(content["project"]),
            system=frozenset(content["system"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Stamp()


def write_stamp(stamp: Stamp) -> None:
    """Writes the stamp in one step, so that a half-written one never counts."""
    unfinished = STAMP_FILE.with_suffix(".tmp")
    content = {
        "packages": stamp.packages,
        "project": stamp.project,
        "system": sorted(stamp.system),
    }
    unfinished.write_text(json.dumps(content) + "\n", encoding="utf-8")
    unfinished.replace(STAMP_FILE)


@contextlib.contextmanager
def setup_lock() -> Iterator[None]:
    """Lets only one set-up of this project work at a time, where the system can tell."""
    if sys.platform == "win32":
        yield
    else:
        import fcntl

        folder = os.open(PROJECT, os.O_RDONLY)
        try:
            os.set_inheritable(folder, True)
            # Some network file systems cannot lock a folder; a set-up is worth more than its lock.
            with contextlib.suppress(OSError):
                try:
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    say("Waiting for another set-up of this project to finish …")
                    fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def missing_packages(names: Sequence[str]) -> list[str]:
    """Returns those of the named Debian packages that are not installed, none on other systems."""
    dpkg_query = shutil.which("dpkg-query")
    if not names or dpkg_query is None or shutil.which("apt-get") is None:
        return []
    # Ubuntu has renamed some libraries to NAMEt64; apt-get still finds these by the old name.
    renamed = [name + "t64" for name in names]
    answer = subprocess.run(
        [dpkg_query, "-W", "-f=${Package} ${db:Status-Status}\\n", *names, *renamed],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        check=False,
    )
    states = [line.split() for line in answer.stdout.splitlines()]
    installed = {state[0].partition(":")[0] for state in states if state[1:] == ["installed"]}
    return [name for name in names if installed.isdisjoint({name, name + "t64"})]


def lacks_venv_module() -> bool:
    """Returns whether this Python cannot make virtual environments, as Debian's bare one."""
    importlib.invalidate_caches()
    return any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip"))


def is_administrator() -> bool:
    """Returns whether this process may install system packages."""
    return sys.platform != "win32" and os.geteuid() == 0


def install_system_packages(names: Sequence[str]) -> None:
    """Installs Debian packages, which only an administrator may do."""
    say(f"Installing system packages: {' '.join(names)} …")
    apt_get = [shutil.which("apt-get") or "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    # Old or half-refreshed lists often do; if not, the installation itself says so.
    with contextlib.suppress(SetupError):
        run_setup_step([*apt_get, "update"], failure="")
    run_setup_step(
        [*apt_get, "install", "--yes", "--no-install-recommends", *names],
        failure=(
            "The system packages could not be installed (the lines above say why); "
            "the same command can be run again."
        ),
    )


def ensure_system(groups: frozenset[str], *, needs_venv_module: bool) -> frozenset[str]:
    """Makes sure that the system has what is needed of it.

    Args:
        groups: The groups of system packages to look at.
        needs_venv_module: Whether a virtual environment is about to be made.

    Returns:
        Those of the groups that are complete.

    Raises:
        SetupError: Something is missing, and the user has to install it.
    """
    lacks_venv = needs_venv_module and lacks_venv_module()
    missing = missing_packages(
        [name for group in sorted(groups) for name in SYSTEM_PACKAGES[group]]
    )
    has_apt_get = shutil.which("apt-get") is not None
    wanted = list(missing)
    if lacks_venv and has_apt_get:
        wanted.append(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")

    if wanted and is_administrator():
        install_system_packages(wanted)
        missing = []
        lacks_venv = lacks_venv and lacks_venv_module()
    elif (lacks_venv and has_apt_get) or must_stop(missing, groups):
        raise SetupError(
            "Some system packages are missing; install them with the following line, "
            "then run the same command again:\n"
            f"    sudo apt-get install {' '.join(wanted)}"
        )
    if lacks_venv:
        raise SetupError(
            f"This Python ({sys.executable}) lacks the modules venv and ensurepip; "
            "install them, or use another Python."
        )
    return frozenset(group for group in groups if not set(missing) & set(SYSTEM_PACKAGES[group]))


def must_stop(missing: Sequence[str], groups: frozenset[str]) -> bool:
    """Returns whether the missing system packages forbid to go on."""
    if SCREEN in groups:
        return bool(missing)
    return not set(missing) <= set(WINDOW_FONTS)


def create_venv() -> None:
    """Makes a new virtual environment in place of any earlier one."""
    say("Creating .venv …")
    run_setup_step(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        failure=(
            "The virtual environment .venv could not be created (the lines above say why); "
            "the same command can be run again."
        ),
    )


def pip_install(*arguments: str, failure: str) -> None:
    """Calls the virtual environment's own pip, whose progress shows on a terminal only."""
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    pip = [venv_program("python"), "-m", "pip", "install", *quiet]
    run_setup_step([*pip, *arguments], failure=failure)


def install_packages() -> None:
    """Installs all packages of the lock file."""
    lines = LOCK_FILE.read_text(encoding="utf-8").splitlines()
    count = sum("==" in line and line[0].isalnum() for line in lines)
    say(f"Installing {count} locked packages (about 2.8 GB on disk, a few minutes) …")
    pip_install(
        "--require-hashes",
        "-r",
        str(LOCK_FILE),
        failure=(
            "The packages could not be installed (the lines above say why, often it is the "
            "network connection); the same command can be run again."
        ),
    )


def install_project() -> None:
    """Installs the project itself in such a way that changes of its files count at once."""
    say("Installing the project …")
    pip_install(
        "--no-deps",
        "--no-build-isolation",
        "-e",
        str(PROJECT),
        failure=(
            "The project could not be installed into .venv (the lines above say why); "
            "the same command can be run again."
        ),
    )
    make_project_link_relative()


def make_project_link_relative() -> None:
    """Replaces the project's path in .venv by a relative one, which is always plain ASCII.

    Python before 3.13 reads this file in the encoding of the locale, though it is written in UTF-8:
    an umlaut in the path would keep Python from finding the project, or even from starting.
    """
    site_packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)}))
    levels = len(site_packages.relative_to(PROJECT).parts)
    link = site_packages / PROJECT_LINK_NAME
    link.write_text("/".join([".."] * levels) + "\n", encoding="ascii")


def is_usable(stamp: Stamp, current: Stamp) -> bool:
    """Returns whether the virtual environment has exactly the packages that it should have."""
    return stamp.packages == current.packages and Path(venv_program("python")).exists()


def ensure_setup(groups: frozenset[str]) -> None:
    """Makes sure that all is installed, at once if the stamp says so.

    Args:
        groups: The groups of system packages that are needed.
    """
    stamp, current = read_stamp(), current_stamp(groups)
    if is_usable(stamp, current) and stamp.project == current.project and groups <= stamp.system:
        return
    with setup_lock():
        # Another set-up may have finished while this one waited for the lock.
        repair_setup(read_stamp(), current)


def repair_setup(stamp: Stamp, current: Stamp) -> None:
    """Does what is missing between two states.

    Args:
        stamp: What the last finished set-up was made from.
        current: What this one has to reach.
    """
    usable = is_usable(stamp, current)
    complete = ensure_system(current.system - stamp.system, needs_venv_module=not usable)
    finished = Stamp(current.packages, current.project, stamp.system | complete)
    if not usable or stamp.project != current.project:
        # Nothing tells how far an interrupted pip came: without stamp, the next call starts anew.
        STAMP_FILE.unlink(missing_ok=True)
        if not usable:
            create_venv()
            install_packages()
        try:
            install_project()
        except SetupError:
            # A pip that fails undoes its work, and the other packages need not be repeated.
            write_stamp(replace(finished, project=""))
            raise
    write_stamp(finished)


def hand_over(program: str, arguments: Sequence[str], environment: dict[str, str]) -> NoReturn:
    """Lets a program of the virtual environment take the place of this process.

    Args:
        program: The program's name.
        arguments: Its arguments.
        environment: Its environment variables.
    """
    command = [venv_program(program), *arguments]
    if sys.platform == "win32":
        # Replacing a process there would end this one at once and leave the console confused.
        sys.exit(subprocess.call(command, env=environment))
    os.execve(command[0], command, environment)


def run(arguments: Sequence[str]) -> NoReturn:
    """Opens the application."""
    hand_over("python", ["-m", "catdog_gui", *arguments], child_environment())


def command_line(arguments: Sequence[str]) -> NoReturn:
    """Runs the application's command line."""
    hand_over("catdog", arguments, child_environment())


def screenshots(arguments: Sequence[str]) -> NoReturn:
    """Takes the pictures of the window anew."""
    script = str(PROJECT / "scripts" / "screenshots.py")
    hand_over("python", [script, *arguments], child_environment())


def lint(arguments: Sequence[str] = ()) -> int:
    """Checks format, style, types and layers, up to the first that fails."""
    if arguments:
        raise SetupError("The checks take no arguments.")
    for name, *step_arguments in LINT_STEPS:
        title = " ".join([name, *step_arguments])
        say(f"── {title} ──")
        step = [venv_program(name), *step_arguments]
        exit_code = subprocess.call(step, cwd=PROJECT, env=check_environment())
        if exit_code != 0:
            say(f"{title} has failed; what comes after it has not been checked.")
            return 1
    return 0


def test(arguments: Sequence[str]) -> int:
    """Runs all checks, then all tests; arguments are for pytest."""
    if lint() != 0:
        return 1
    say("── pytest ──")
    os.chdir(PROJECT)
    hand_over("pytest", arguments, check_environment())


def finish_setup(arguments: Sequence[str]) -> int:
    """Says that all is set up, which it is by now."""
    if arguments:
        raise SetupError("The set-up takes no arguments.")
    say("All is set up.")
    return 0


COMMANDS = {
    "run": Command("open the application", run, frozenset({WINDOW})),
    "test": Command("run all checks and tests", test, frozenset({WINDOW, SCREEN})),
    "check": Command("run the checks that need no tests", lint),
    "screenshots": Command("take the pictures anew", screenshots, frozenset({WINDOW, SCREEN})),
    "setup": Command("only install what is needed", finish_setup, frozenset({WINDOW})),
    "command": Command("run the command line, catdog", command_line),
}


def usage() -> str:
    """Returns the usage text."""
    lines = [f"    {name:12} {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(["Usage: python3 scripts/bootstrap.py COMMAND [ARGS...]", "", *lines])


def main(arguments: Sequence[str]) -> int:
    """Sets up, then does what was asked for.

    Args:
        arguments: The command and its arguments.

    Returns:
        The exit code.
    """
    if sys.version_info[:2] not in SUPPORTED_PYTHONS:
        running = ".".join(str(number) for number in sys.version_info[:3])
        say(
            "CatDog Studio needs Python 3.11, 3.12 or 3.13, "
            f"but {sys.executable} is Python {running}."
        )
        return 1
    if not arguments or arguments[0] not in COMMANDS:
        say(usage())
        return 0 if arguments and arguments[0] in {"-h", "--help"} else 2
    command = COMMANDS[arguments[0]]
    try:
        ensure_setup(command.system)
        return command.action(arguments[1:])
    except SetupError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(
            f"CatDog Studio could not be started ({error}); without the folder .venv, "
            "the same command sets everything up anew."
        )
        return 1
    except KeyboardInterrupt:
        say("Interrupted; the same command can be run again.")
        return INTERRUPTED_EXIT_CODE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
