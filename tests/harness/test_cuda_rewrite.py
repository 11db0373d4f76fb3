"""Rewriting CUDA C++: every token stays on its line, and only what is CUDA's changes."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loopwright.core.tree import Tree
from loopwright.harness.cuda_emulation.refusals import refusals
from loopwright.harness.cuda_emulation.rewrite import NotRewritten, rewritten, rewritten_tree
from loopwright.harness.cuda_emulation.tokens import tokens_of

_PIECES = ["<<<", ">>>", "k", "(", ")", "{", "}", "<", ">", ";", ",", "\n", '"', "'", "//", "/*", "*/",
           "__shared__", "extern", "__device__", "int x", "[3]",
           'R"(', ')"', "\\\n", " ", "::", "#define A"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=30).map("".join))
@example("[3]__shared__<<<extern")
def test_nothing_is_lost_and_lines_keep_their_numbers(text: str) -> None:
    assert "".join(token.text for token in tokens_of(text)) == text
    try:
        changed = rewritten(text)
    except NotRewritten as problem:
        assert 1 <= problem.line <= text.count("\n") + 1
    else:
        assert changed.count("\n") == text.count("\n")


@pytest.mark.parametrize("text", [
    'const char *s = "k<<<1, 2>>>(x)"; // k<<<1, 2>>>(x)\n',
    "/* __shared__ int x[3]; */ char c = '<';\n",
    'auto s = R"(k<<<1, 2>>>(x); __shared__ int y;)";\n',
    "template <class T> struct A { A<A<T>> *p; int n = 1 << 3 >> 2; };\n",
    "__device__ float f(int i) { return i; }\n",
    "__host__ __device__ __forceinline__ float g(const float (&x)[3]);\n",
    "auto f = [] __device__ (int i) { return i; };\n",
    "__global__ void __launch_bounds__(256) k(int *x);\n",
    "template <class T> __device__ T twice(T x) { return x + x; }\n",
    "struct S { __device__ int operator()(int i) const { return i; } };\n",
])  # fmt: skip
def test_what_is_not_cuda_stays(text: str) -> None:
    assert rewritten(text) == text


@pytest.mark.parametrize(("text", "callee"), [
    ("k<<<1, 2>>>(a);", "k"),
    ("n::k<int, (3 > 2)><<<1, 2>>>(a);", "n::k<int, (3 > 2)>"),
    ("if (x) ::k <A<B<int>>> <<<dim3(f(1), 2), 3, sizeof(int) * 4, s>>> (a, b);", "::k <A<B<int>>>"),
    ("this->table.k<<<1, 1>>>();", "this->table.k"),
])  # fmt: skip
def test_a_launch_calls_its_kernel(text: str, callee: str) -> None:
    assert f"{{ {callee}(loopwright_a...); }}" in rewritten(text)


def test_shared_memory_and_variables() -> None:
    assert "static thread_local" in rewritten("__shared__ float tile[16][17], sums[4];")
    assert rewritten("__shared__ static int x;").count("static") == 1
    pointer = rewritten("extern __shared__ __align__(16) double part[];")
    assert "double *const part = (double *)::loopwright_cuda_dynamic_shared;" in pointer
    for text in (
        "__device__ int x;",
        "__device__ float t[3] = {1, 2, 3};",
        "static __device__ unsigned n = 0;",
    ):
        assert 'section("lw_device")' in rewritten(text), text


@pytest.mark.parametrize("text", ["<<<1, 2>>>(x);", "k<<<1, 2(x);", "k<<<1, 2>>>;", "(*f)<<<1, 2>>>(x);"])
def test_what_is_not_understood_is_an_error_on_its_line(text: str) -> None:
    with pytest.raises(NotRewritten) as caught:
        rewritten(f"\n\n{text}")
    assert caught.value.line == 3
    tree = rewritten_tree(Tree({"a.cu": f"\n\n{text}".encode(), "b.c": b"int x;"}))
    assert tree["a.cu"].startswith(b"\n\n#error ")
    assert tree["b.c"] == b"int x;"


def test_refusals_name_what_and_where() -> None:
    text = b'#include <cub/cub.cuh>\n// thrust::sort, asm\n__global__ void k() {\n    asm("");\n}\n'
    found = refusals({"a.cu": text, "host.c": b'asm("");'})
    assert [str(each) for each in found] == ["CUB (a.cu:1)", "inline PTX (a.cu:4)"]
