"""CUDA to OpenMP: what is written, that it computes the same, and what is refused by name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.harness.build import materialise
from loopwright.harness.cuda_emulation.toolchain import EmulatedCuda
from loopwright.moves.cuda_syntax import NotTranslated
from loopwright.moves.cuda_translation import translate
from loopwright.toolchains.toolchain import Variant

_EXAMPLES = Path(__file__).parents[2] / "examples" / "cuda"
_MANY = Path(__file__).with_name("cuda_many.cu")


def translated(path: Path, folder: Path) -> Path:
    """The translation of a program with one file, built; skips without a compiler."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ here")
    made = translate(Tree({path.name: path.read_bytes()}))
    materialise(Tree({name: data for name, data in made.changes.items() if data is not None}), folder)
    source = folder / f"{path.stem}.cpp"
    command = [compiler, "-O0", "-fopenmp", "-Wno-unknown-pragmas", str(source), "-o", str(folder / "prog")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "prog"


def printed(program: Path, *args: str) -> str:
    environment = {"OMP_NUM_THREADS": "3"}
    done = subprocess.run(
        [str(program), *args], capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_stencil_reads_as_a_colleague_would_write_it() -> None:
    made = translate(Tree({"stencil.cu": (_EXAMPLES / "stencil" / "stencil.cu").read_bytes()}))
    text = (made.changes["stencil.cpp"] or b"").decode()
    assert made.changes["stencil.cu"] is None
    assert (
        """\
void sweep(dim3 gridDim, dim3 blockDim, int n, double rate, const double *old, double *next) {
#pragma omp parallel for collapse(2)
    for (unsigned block_y = 0; block_y < gridDim.y; ++block_y)
        for (unsigned block_x = 0; block_x < gridDim.x; ++block_x) {
            for (unsigned thread_y = 0; thread_y < blockDim.y; ++thread_y)
                for (unsigned thread_x = 0; thread_x < blockDim.x; ++thread_x) {
                    int j = block_x * blockDim.x + thread_x;
                    int i = block_y * blockDim.y + thread_y;
                    if (i >= n || j >= n) continue;
"""
        in text
    )
    assert "sweep(grid, block, n, rate, old, next);" in text
    original = (_EXAMPLES / "stencil" / "stencil.cu").read_text()
    serial = original[original.index("static void serial") : original.index("        sweep<<<")]
    assert serial in text, "what is not CUDA stays as it is, byte for byte"


@pytest.mark.parametrize(
    ("name", "args"), [("stencil", ("37", "3")), ("transpose", ("37", "21")), ("histogram", ("1021",))]
)
def test_an_example_finds_its_own_result_right(name: str, args: tuple[str, ...], tmp_path: Path) -> None:
    """The examples compare with a serial computation of their own, and fail when it differs."""
    assert printed(translated(_EXAMPLES / name / f"{name}.cu", tmp_path), *args)


def test_barriers_shuffles_and_kept_variables_give_what_the_emulation_gives(
    emulated_cuda: EmulatedCuda, tmp_path: Path
) -> None:
    toolchain = emulated_cuda
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    materialise(toolchain.prepared(Tree({"many.cu": _MANY.read_bytes()})), theirs)
    flags = (*toolchain.compile_flags(Variant(())), *toolchain.source_flags("many.cu"))
    compiler = str(toolchain.compiler(Language.CUDA))
    for command in (
        (compiler, *flags, "-c", "many.cu", "-o", "many.o"),
        (compiler, "many.o", "-o", "many", *toolchain.link_flags(Variant(()))),
    ):
        subprocess.run(command, cwd=theirs, check=True, capture_output=True)
    assert printed(translated(_MANY, ours)) == printed(theirs / "many")


@pytest.mark.parametrize("bounds", ["(256)", "(TILE(16), 2)", " ( (256) , min(1, 2) ) "])
def test_launch_bounds_go_with_their_brackets(bounds: str) -> None:
    text = f"#define TILE(n) n\n__global__ void __launch_bounds__{bounds} k(int *a) {{ a[0] = 1; }}\n"
    made = translate(Tree({"p.cu": text.encode()})).changes["p.cpp"] or b""
    head = " ".join(made.decode().splitlines()[2].split())
    assert head == "void k(dim3 gridDim, dim3 blockDim, int *a) {"


def refusal(kernel: str, main: str = "k<<<1, 32>>>(nullptr);", head: str = "") -> str:
    """What is said about a program whose kernel begins in line 3."""
    text = f"#include <cuda_runtime.h>\n{head}\n{kernel}\nint main() {{ {main} }}\n"
    with pytest.raises(NotTranslated) as caught:
        translate(Tree({"p.cu": text.encode()}))
    return str(caught.value)


_REFUSED = {
    "a barrier where threads go different ways: threadIdx differs": (
        4, "__global__ void k(int *a) {\nif (threadIdx.x < 3) { a[0] = 1; __syncthreads(); }\n}",
    ),
    "some threads return before a barrier": (
        4, "__global__ void k(int *a) {\nif (a[threadIdx.x]) return;\n__syncthreads(); a[0] = 1;\n}",
    ),
    "the parameter 'a' is changed by each thread": (
        4, "__global__ void k(int *a) {\na += threadIdx.x; *a = 1;\n}",
    ),
    "a barrier where threads go different ways: i differs": (
        4, "__global__ void k(int *a) {\nfor (int i = 0; i < 3; i++) {\n"
           "if (a[threadIdx.x]) break;\n__syncthreads(); }\n}",
    ),
    "a vote of a warp": (4, "__global__ void k(int *a) {\na[0] = __ballot_sync(~0u, a[1]);\n}"),
    "kernels that launch kernels": (4, "__global__ void k(int *a) {\nk<<<1, 1>>>(a);\n}"),
    "is kept over a barrier: an array": (
        4, "__global__ void k(int *a) {\nint own[2] = {a[threadIdx.x], 0}; own[1]++;\n"
           "__syncthreads(); a[threadIdx.x] = own[1]; }",
    ),
    "a return in a loop": (
        5, "__global__ void k(int *a) {\nfor (int i = 0; i < 3; i++)\nif (a[i]) return;\n}",
    ),
    "the vector type float4": (3, "__global__ void k(float4 *a) { a[0].x = 1; }"),
    "cooperative groups": (3, "__global__ void k(int *a) { cooperative_groups::this_grid(); }"),
    "a function beside the kernels that asks for threadIdx": (
        3, "__device__ int own() { return threadIdx.x; } __global__ void k(int *a) { a[own()] = 1; }",
    ),
    "a macro with __syncthreads in it": (
        3, "#define MEET __syncthreads()\n__global__ void k(int *a) { MEET; }",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", _REFUSED)
def test_what_has_no_translation_is_named_with_its_line(what: str) -> None:
    line, kernel = _REFUSED[what]
    said = refusal(kernel)
    assert what in said
    assert said.startswith(f"p.cu:{line}: ")


def test_streams_are_named() -> None:
    plain = "__global__ void k(int *a) { a[0] = 1; }"
    assert "a launch in a stream" in refusal(plain, "k<<<1, 1, 0, s>>>(nullptr);")
    assert "cudaStream_t" in refusal(plain, "cudaStream_t s; k<<<1, 1>>>(nullptr);")


def test_a_call_that_may_count_its_calls_is_made_by_every_thread() -> None:
    """Were its result taken for the same in all threads, it would be called once a block."""
    text = """__device__ int next(int *c) { return atomicAdd(c, 1); }
__global__ void k(int *a) {
    int mine = next(a);
    __syncthreads();
    a[1 + threadIdx.x] = mine;
}
int main() { k<<<1, 32>>>(nullptr); }
"""
    made = (translate(Tree({"p.cu": text.encode()})).changes["p.cpp"] or b"").decode()
    assert "mine[thread_x] = next(a);" in made
