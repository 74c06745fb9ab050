"""What a training computes on, in words, and why a GPU that is there is left unused."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

# As the system or NumPy spells it, and what people call it; in the order in which they are told.
_INSTRUCTION_SETS: Mapping[str, frozenset[str]] = {
    "AVX2": frozenset({"avx2", "avx2_0", "x86_v3"}),
    "AVX-512": frozenset({"avx512f", "x86_v4"}),
    "VNNI": frozenset({"avx512_vnni", "avx_vnni", "avx512_icl"}),
    "BF16": frozenset({"avx512_bf16", "amx_bf16", "bf16", "feat_bf16"}),
    "AMX": frozenset({"amx_tile"}),
    "NEON": frozenset({"asimd", "neon", "advsimd"}),
    "SVE": frozenset({"sve"}),
}
_CPU_NAME = re.compile(r"^(?:model name|Model|Hardware|cpu)\s*:\s*(\S.*)$", re.MULTILINE)
_CPU_FLAGS = re.compile(r"^(?:flags|Features)\s*:\s*(.*)$", re.MULTILINE)
_SYSCTL_FLAG = re.compile(r"^hw\.optional\.(?:arm\.)?(\w+): 1$", re.MULTILINE)
_NVIDIA_MODEL = re.compile(r"^Model:\s*(\S.*)$", re.MULTILINE)
_ANSWER_SECONDS = 5


@dataclass(frozen=True)
class Gpus:
    """The GPUs of a computer, and what TensorFlow was given to use them with."""

    used: tuple[str, ...]
    """Names of those that TensorFlow computes on."""
    present: tuple[str, ...] = ()
    """Names of those that the system has."""
    cuda_built: bool = True
    hidden: bool = False
    """Whether the variable CUDA_VISIBLE_DEVICES hides them."""

    def why_unused(self, system: str) -> str | None:
        """Say why a GPU that is there is not used; nothing if there is none, or it is used.

        Args:
            system: As `platform.system()` calls the operating system.
        """
        if self.used or not self.present:
            return None
        if system == "Darwin":
            return "TensorFlow computes on Apple's GPUs with the package tensorflow-metal only"
        if not self.present[0].startswith("NVIDIA"):
            return "this TensorFlow computes on GPUs by NVIDIA only"
        if self.hidden:
            return "the variable CUDA_VISIBLE_DEVICES hides it"
        if not self.cuda_built and system == "Windows":
            return "TensorFlow for Windows is built without CUDA, so use it in WSL 2"
        if not self.cuda_built:
            return "this TensorFlow is built without CUDA, so install the package tensorflow"
        return (
            "TensorFlow cannot load the driver or CUDA's libraries, so bring the driver up to "
            "date and install tensorflow[and-cuda]"
        )


@dataclass(frozen=True)
class Device:
    """What a training computes on."""

    cpu: str
    """The processor's name."""
    instruction_sets: tuple[str, ...]
    """Those of the processor that matter for speed, such as AVX-512."""
    gpus: Gpus
    system: str

    def __str__(self) -> str:
        """Tell it in one sentence."""
        if self.gpus.used:
            return _counted(self.gpus.used)
        cpu = f"CPU ({self.cpu}{_with(self.instruction_sets)})"
        reason = self.gpus.why_unused(self.system)
        if reason is None:
            return cpu
        return f"{cpu}; {_counted(self.gpus.present)} is left unused: {reason}"


def device_in_use() -> Device:
    """Find out what TensorFlow computes on."""
    system = platform.system()
    name, instruction_sets = _processor(system)
    return Device(name, instruction_sets, _gpus(system), system)


def name_in_cpuinfo(text: str) -> str | None:
    """Return the processor's name in the text of `/proc/cpuinfo`, which on ARM often has none."""
    match = _CPU_NAME.search(text)
    return " ".join(match[1].split()) if match else None


def flags_in_cpuinfo(text: str) -> frozenset[str]:
    """Return the instruction sets that `/proc/cpuinfo` lists, as it spells them."""
    match = _CPU_FLAGS.search(text)
    return frozenset(match[1].split()) if match else frozenset()


def flags_in_sysctl(text: str) -> frozenset[str]:
    """Return the instruction sets that macOS's `sysctl hw.optional` lists, as it spells them."""
    return frozenset(_SYSCTL_FLAG.findall(text))


def known_instruction_sets(flags: Iterable[str]) -> tuple[str, ...]:
    """Name the instruction sets that matter for speed among those a system lists."""
    listed = {flag.lower() for flag in flags}
    return tuple(name for name, spellings in _INSTRUCTION_SETS.items() if spellings & listed)


def gpu_names(
    root: Path, machine: str, system: str, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Name the GPUs that a system has, whether TensorFlow can use them or not.

    Args:
        root: The root of the file system, where Linux shows its devices.
        machine: As `platform.machine()` calls the kind of processor.
        system: As `platform.system()` calls the operating system.
        environment: Whose PATH leads to `nvidia-smi`, where the system has no such files.
    """
    if system == "Darwin":
        return ("Apple GPU",) if machine == "arm64" else ()
    shown = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    models = [match[1] for path in shown if (match := _NVIDIA_MODEL.search(_text(path)))]
    if models:
        return tuple(name if name.startswith("NVIDIA") else f"NVIDIA {name}" for name in models)
    if (root / "dev/nvidia0").exists():
        return ("NVIDIA GPU",)
    if (root / "dev/kfd").exists():
        return ("AMD GPU",)
    return _names_by_nvidia_smi(environment)


def cuda_hidden(environment: Mapping[str, str]) -> bool:
    """Tell whether the environment hides every GPU from CUDA."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    return visible is not None and visible.strip() in {"", "-1", "NoDevFiles"}


def _processor(system: str) -> tuple[str, tuple[str, ...]]:
    if system == "Linux":
        text = _text(Path("/proc/cpuinfo"))
        name, flags = name_in_cpuinfo(text), flags_in_cpuinfo(text)
    elif system == "Darwin":
        name = _output(["sysctl", "-n", "machdep.cpu.brand_string"]).strip()
        flags = flags_in_sysctl(_output(["sysctl", "hw.optional"]))
    else:
        name, flags = _name_in_registry(), frozenset()
    name = name or platform.processor() or platform.machine()
    return name, known_instruction_sets(flags or _flags_by_numpy())


def _flags_by_numpy() -> frozenset[str]:
    """Return the instruction sets that NumPy found, which are fewer than there may be."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    return frozenset([*extensions["baseline"], *extensions["found"]])


def _name_in_registry() -> str | None:
    if sys.platform == "win32":
        import winreg

        key = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
            return str(winreg.QueryValueEx(opened, "ProcessorNameString")[0]).strip()
    return None


def _gpus(system: str) -> Gpus:
    devices = tf.config.list_physical_devices("GPU")
    used = tuple(
        str(tf.config.experimental.get_device_details(device).get("device_name", "GPU"))
        for device in devices
    )
    return Gpus(
        used=used,
        present=used or gpu_names(Path("/"), platform.machine(), system, os.environ),
        cuda_built=tf.test.is_built_with_cuda(),
        hidden=cuda_hidden(os.environ),
    )


def _names_by_nvidia_smi(environment: Mapping[str, str]) -> tuple[str, ...]:
    program = shutil.which("nvidia-smi", path=environment.get("PATH", ""))
    if program is None:
        return ()
    lines = _output([program, "--query-gpu=name", "--format=csv,noheader"]).splitlines()
    return tuple(line.strip() for line in lines if line.strip().startswith("NVIDIA"))


def _output(command: list[str]) -> str:
    """Return what a program prints; nothing if it is missing, fails or does not answer."""
    try:
        answer = subprocess.run(
            command, capture_output=True, check=True, text=True, timeout=_ANSWER_SECONDS
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return answer.stdout


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _counted(names: tuple[str, ...]) -> str:
    """Name devices, those of one name together: `2 × NVIDIA A100`."""
    counts = {name: names.count(name) for name in names}
    return ", ".join(name if count == 1 else f"{count} × {name}" for name, count in counts.items())


def _with(instruction_sets: tuple[str, ...]) -> str:
    return f" with {', '.join(instruction_sets)}" if instruction_sets else ""
