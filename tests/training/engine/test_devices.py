"""What a computer says of itself, and what is made of it."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from training.engine import devices
from training.engine.devices import (
    Device,
    Gpus,
    cuda_hidden,
    device_in_use,
    flags_in_cpuinfo,
    flags_in_sysctl,
    gpu_names,
    known_instruction_sets,
    name_in_cpuinfo,
)

XEON = """processor\t: 0
vendor_id\t: GenuineIntel
model\t\t: 143
model name\t: Intel(R) Xeon(R)   Platinum 8481C
cpu MHz\t\t: 2699.998
flags\t\t: fpu sse2 avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile
"""
GRAVITON = """processor\t: 0
BogoMIPS\t: 2100.00
Features\t: fp asimd sve bf16
CPU implementer\t: 0x41
CPU part\t: 0xd40
"""
APPLE = """hw.optional.arm.FEAT_BF16: 1
hw.optional.arm.FEAT_SME: 0
hw.optional.AdvSIMD: 1
hw.optional.floatingpoint: 1
"""
NVIDIA = ("NVIDIA A100", "NVIDIA A100")


def device(gpus: Gpus, system: str = "Linux") -> str:
    return str(Device("AMD EPYC", ("AVX2", "BF16"), gpus, system))


def test_the_processor_is_read_from_cpuinfo() -> None:
    assert name_in_cpuinfo(XEON) == "Intel(R) Xeon(R) Platinum 8481C"
    assert known_instruction_sets(flags_in_cpuinfo(XEON)) == (
        "AVX2",
        "AVX-512",
        "VNNI",
        "BF16",
        "AMX",
    )


def test_an_arm_processor_without_a_name_still_has_instruction_sets() -> None:
    assert name_in_cpuinfo(GRAVITON) is None
    assert known_instruction_sets(flags_in_cpuinfo(GRAVITON)) == ("BF16", "NEON", "SVE")


def test_only_what_an_apple_processor_has_is_listed() -> None:
    assert known_instruction_sets(flags_in_sysctl(APPLE)) == ("BF16", "NEON")
    assert known_instruction_sets(flags_in_sysctl("hw.optional.avx2_0: 0\n")) == ()


def test_what_numpy_calls_levels_is_understood() -> None:
    assert known_instruction_sets({"X86_V2", "X86_V3", "X86_V4", "AVX512_ICL"}) == (
        "AVX2",
        "AVX-512",
        "VNNI",
    )


def test_an_empty_cpuinfo_says_nothing() -> None:
    assert name_in_cpuinfo("") is None
    assert flags_in_cpuinfo("") == frozenset()


def test_a_computer_without_a_gpu_computes_on_its_cpu() -> None:
    assert device(Gpus(used=())) == "CPU (AMD EPYC with AVX2, BF16)"
    assert str(Device("RISC", (), Gpus(used=()), "Linux")) == "CPU (RISC)"


def test_gpus_in_use_are_counted() -> None:
    assert device(Gpus(used=(*NVIDIA, "NVIDIA T4"))) == "2 × NVIDIA A100, NVIDIA T4"


@pytest.mark.parametrize(
    ("gpus", "system", "reason"),
    [
        (Gpus(used=(), present=NVIDIA, hidden=True), "Linux", "CUDA_VISIBLE_DEVICES hides it"),
        (Gpus(used=(), present=NVIDIA, cuda_built=False), "Linux", "is built without CUDA"),
        (Gpus(used=(), present=NVIDIA, cuda_built=False), "Windows", "so use it in WSL 2"),
        (Gpus(used=(), present=NVIDIA), "Linux", "cannot load the driver or CUDA's libraries"),
        (Gpus(used=(), present=("AMD GPU",)), "Linux", "on GPUs by NVIDIA only"),
        (Gpus(used=(), present=("Apple GPU",)), "Darwin", "tensorflow-metal"),
    ],
)
def test_a_gpu_that_is_there_and_unused_has_a_reason(gpus: Gpus, system: str, reason: str) -> None:
    told = device(gpus, system)
    assert told.startswith("CPU (AMD EPYC with AVX2, BF16); ")
    assert f"{gpus.present[0]} is left unused: " in told
    assert reason in told


def test_a_gpu_in_use_needs_no_reason() -> None:
    assert Gpus(used=NVIDIA, present=NVIDIA, hidden=True).why_unused("Linux") is None


def test_gpus_are_named_by_their_driver(tmp_path: Path) -> None:
    for number, name in enumerate(["NVIDIA H200", "Tesla T4"]):
        folder = tmp_path / f"proc/driver/nvidia/gpus/0000:0{number}:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text(f"Model: \t\t {name}\nIRQ: 12\n")
    assert gpu_names(tmp_path, "x86_64", "Linux", {}) == ("NVIDIA H200", "NVIDIA Tesla T4")


@pytest.mark.parametrize(("file", "name"), [("dev/nvidia0", "NVIDIA GPU"), ("dev/kfd", "AMD GPU")])
def test_a_gpu_is_found_by_its_device_file(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / file).touch()
    assert gpu_names(tmp_path, "x86_64", "Linux", {}) == (name,)


@pytest.mark.skipif(sys.platform == "win32", reason="a script that is a program")
@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("echo 'NVIDIA GeForce RTX 4090'", ("NVIDIA GeForce RTX 4090",)),
        ('echo "NVIDIA-SMI has failed because it couldn\'t talk to the driver"; exit 9', ()),
    ],
)
def test_where_there_are_no_device_files_nvidia_smi_is_asked(
    tmp_path: Path, script: str, names: tuple[str, ...]
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    assert gpu_names(tmp_path, "AMD64", "Windows", {"PATH": str(tmp_path)}) == names


def test_without_any_sign_of_a_gpu_there_is_none(tmp_path: Path) -> None:
    assert gpu_names(tmp_path, "x86_64", "Linux", {"PATH": str(tmp_path)}) == ()
    assert gpu_names(tmp_path, "x86_64", "Darwin", {}) == ()
    assert gpu_names(tmp_path, "arm64", "Darwin", {}) == ("Apple GPU",)


@pytest.mark.parametrize(
    ("visible", "hidden"), [(None, False), ("0", False), ("0,1", False), ("", True), ("-1", True)]
)
def test_cuda_is_hidden_by_a_variable(visible: str | None, hidden: bool) -> None:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert cuda_hidden(environment) is hidden


def test_this_computer_has_a_name() -> None:
    device = device_in_use()
    assert device.cpu
    assert device.system == platform.system()
    assert str(device)


def test_a_system_program_that_is_missing_or_hangs_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hang(*args: object, **options: object) -> None:
        raise subprocess.TimeoutExpired("sysctl", 5)

    monkeypatch.setattr(subprocess, "run", hang)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(devices, "gpu_names", lambda *args: ())
    assert device_in_use().cpu == (platform.processor() or platform.machine())
