"""What of HIP cannot be emulated."""

from __future__ import annotations

import re

from loopwright.harness.cuda_emulation.refusals import COMMON_WORDS, TEXTURES, Rules

HIP = Rules(
    words={
        **COMMON_WORDS,
        "asm": "inline assembly",
        "__asm__": "inline assembly",
        "hipLaunchCooperativeKernel": "cooperative launches",
        "hipTextureObject_t": "textures",
        "hipSurfaceObject_t": "surfaces",
        "hipLaunchKernel": "hipLaunchKernel",
        "hipExtLaunchKernelGGL": "hipExtLaunchKernelGGL",
        "hip_bfloat16": "half precision",
        "rocwmma": "matrix cores",
    },
    patterns=(
        TEXTURES,
        (re.compile(r"hipGraph\w*$"), "HIP graphs"),
        (re.compile(r"hipMemcpyPeer\w*$|hipDeviceEnablePeerAccess$"), "several devices"),
        (re.compile(r"(?:hip|roc)(?:blas|fft|rand|sparse|solver)\w*$"), "AMD's libraries"),
        (re.compile(r"(?:miopen|rccl|nccl)\w*$"), "AMD's libraries"),
        (re.compile(r"(?:hipModule|hiprtc)\w*$"), "modules and compilation at run time"),
        (
            re.compile(r"__(?:builtin_amdgcn|amdgcn|hip_atomic|hip_ds|hip_move)_\w+$"),
            "built-in functions of AMD's compiler",
        ),
        (
            re.compile(r"__(?:shfl|ballot|any|all|match|reduce)\w*_sync$|__syncwarp$"),
            "warp intrinsics with _sync",
        ),
        (re.compile(r"cuda[A-Z]\w*$"), "names of CUDA"),
    ),
    includes=(
        ("hipcub/", "hipCUB"),
        ("rocprim/", "rocPRIM"),
        ("thrust/", "Thrust"),
        ("hip/hip_cooperative_groups", "cooperative groups"),
        ("hip/hip_fp16", "half precision"),
        ("hip/hip_bf", "half precision"),
        ("rocwmma/", "matrix cores"),
        ("cuda_runtime", "names of CUDA"),
        ("cuda.h", "names of CUDA"),
    ),
)
"""In HIP a warp intrinsic names no lanes; with `_sync` it has a mask of 64 bits, which is not emulated."""
