"""Reading a simple C declaration: `void axpy(int n, double a, const double *x, double *restrict y)`.

No compiler is asked: what this cannot read (a function pointer, an unknown typedef) is left open, and the
compiler says the rest when the driver is built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.core.task import Dtype

_TYPES: dict[str, Dtype] = {
    "double": Dtype.F64, "float": Dtype.F32,
    "signed char": Dtype.I8, "unsigned char": Dtype.U8,
    "short": Dtype.I16, "unsigned short": Dtype.U16,
    "int": Dtype.I32, "unsigned": Dtype.U32, "signed": Dtype.I32,
    "long": Dtype.I64, "unsigned long": Dtype.U64,
    "size_t": Dtype.U64, "ssize_t": Dtype.I64, "ptrdiff_t": Dtype.I64,
    "int8_t": Dtype.I8, "int16_t": Dtype.I16, "int32_t": Dtype.I32, "int64_t": Dtype.I64,
    "uint8_t": Dtype.U8, "uint16_t": Dtype.U16, "uint32_t": Dtype.U32, "uint64_t": Dtype.U64,
    "bool": Dtype.U8, "_Bool": Dtype.U8,
}  # fmt: skip
"""C types of the 64-bit Linux ABIs (LP64: `long` has eight bytes). `char` is signed or not
as the processor has it, so it is left open."""

C_TYPES: dict[Dtype, str] = {
    Dtype.F32: "float", Dtype.F64: "double",
    Dtype.I8: "int8_t", Dtype.I16: "int16_t", Dtype.I32: "int32_t", Dtype.I64: "int64_t",
    Dtype.U8: "uint8_t", Dtype.U16: "uint16_t", Dtype.U32: "uint32_t", Dtype.U64: "uint64_t",
}  # fmt: skip
"""How C and C++ spell an element type, after <stdint.h>."""

_QUALIFIERS = re.compile(
    r"\b(const|volatile|restrict|__restrict__|__restrict|register|static|inline|__inline__|extern|struct|"
    r"noexcept|constexpr|__global__|__host__|__device__|__forceinline__|__noinline__|__grid_constant__)\b"
)
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)|\[\[.*?\]\]")
_BOUNDS = re.compile(r"__(?:launch_bounds|maxnreg|block_size|cluster_dims)__\s*\([^()]*\)")
_SIDES = re.compile(r"\b__(?:host|device)__\s*")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_BASE_WORDS = frozenset(
    {"unsigned", "signed", "char", "short", "int", "long", "float", "double", "bool", "_Bool", "void"}
)


@dataclass(frozen=True)
class Parameter:
    """One parameter. `dtype` is None for a type that is not known here; `name` is empty when left out.

    `is_reference` marks a C++ reference, `is_const` a pointer to constant elements.
    """

    text: str
    name: str
    dtype: Dtype | None
    is_pointer: bool
    is_const: bool
    is_reference: bool


@dataclass(frozen=True)
class Prototype:
    """A function declaration. `returns` is the C type as written, `returns_dtype` None for void and for a
    type that is not known here. CUDA's functions of the device are `is_global`, which the host launches, or
    `is_device`, which only the device calls.
    """

    function: str
    returns: str
    returns_dtype: Dtype | None
    parameters: tuple[Parameter, ...]
    is_global: bool = False
    is_device: bool = False


def parse_prototype(text: str) -> Prototype | None:
    """The declaration in `text`; None when it is not one that can be read here."""
    plain = _ATTRIBUTE.sub(" ", _BOUNDS.sub(" ", _COMMENT.sub(" ", text))).replace('extern "C"', " ")
    plain = " ".join(plain.split()).rstrip("; ")
    opening = plain.find("(")
    if opening < 0 or not plain.endswith((")", "noexcept")):
        return None
    closing = plain.rfind(")")
    head, inside = plain[:opening].rstrip(), plain[opening + 1 : closing].strip()
    match = re.fullmatch(r"(.*?[\s*])([A-Za-z_]\w*)", head)
    if match is None or _depth_breaks(inside):
        return None
    returns = " ".join(_QUALIFIERS.sub(" ", match.group(1)).split())
    if not returns:
        return None
    parameters = () if inside in ("", "void") else tuple(_parameter(p) for p in _split(inside))
    words = set(_NAME.findall(match.group(1)))
    return Prototype(
        match.group(2),
        returns,
        _dtype(returns),
        parameters,
        is_global="__global__" in words,
        is_device="__device__" in words and "__host__" not in words,
    )


def declaration(prototype: str) -> str:
    """`prototype` for a file beside the kernel's, without its semicolon: launch bounds are the candidate's to
    choose, and a function of the host is none of the device, too.
    """
    plain = _SIDES.sub("", _BOUNDS.sub(" ", prototype))
    return plain.strip().rstrip(";").rstrip()


def find_declaration(function: str, text: str) -> str | None:
    """The declaration or the head of the definition of `function` in source `text`, with its C linkage where
    it says so; None when there is none.
    """
    plain = re.sub(r"^\s*#.*?(?<!\\)$", " ", _COMMENT.sub(" ", text), flags=re.MULTILINE)
    plain = _BOUNDS.sub(" ", plain)
    pattern = rf"([A-Za-z_][\w\s*]*[\s*])\b{re.escape(function)}\s*\(([^;{{}}()]*)\)\s*(?:noexcept\s*)?[;{{]"
    for match in re.finditer(pattern, plain):
        words = match.group(1).split()
        if not {"return", "else", "goto", "case", "typedef"} & set(words):
            head = " ".join(w for w in words if w not in ("extern", "static", "inline"))
            linkage = 'extern "C" ' if plain[: match.start()].rstrip().endswith('extern "C"') else ""
            return f"{linkage}{head} {function}({' '.join(match.group(2).split())})"
    return None


def _depth_breaks(inside: str) -> bool:
    """Whether brackets close more than they open (so the last bracket was not the first one's)."""
    depth = 0
    for char in inside:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return True
    return depth != 0


def _split(inside: str) -> list[str]:
    parts, depth = [""], 0
    for char in inside:
        depth += (char in "([<") - (char in ")]>")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def _parameter(text: str) -> Parameter:
    if "(" in text:
        return Parameter(text, "", None, is_pointer=True, is_const=False, is_reference=False)
    bare = re.sub(r"\[[^\]]*\]", " * ", text)
    pointee = bare.split("*")[0]
    is_pointer = "*" in bare
    flat = _QUALIFIERS.sub(" ", bare.replace("*", " ").replace("&", " "))
    words = _NAME.findall(flat)
    # The last word is the name unless the type needs it: `unsigned long` has no name, `real_t x` has one.
    named = len(words) > 1 and words[-1] not in _BASE_WORDS
    base = " ".join(words[:-1] if named else words)
    is_array_of_pointers = bare.count("*") > 1 and "[" not in text
    return Parameter(
        text=text,
        name=words[-1] if named else "",
        dtype=None if is_array_of_pointers else _dtype(base),
        is_pointer=is_pointer,
        is_const=bool(re.search(r"\bconst\b", pointee)),
        is_reference="&" in bare,
    )


def _dtype(base: str) -> Dtype | None:
    words = base.removeprefix("std::").split()
    if not words or "*" in base:
        return None
    if words == ["long", "double"] or words == ["double", "long"]:
        return None
    if len(words) > 1 or words[0] in ("long", "short"):
        words = [w for w in words if w != "int"] or ["int"]
    unsigned = "unsigned" in words
    rest = [w for w in words if w not in ("unsigned", "signed")]
    if rest in (["long", "long"], ["long"]):
        rest = ["long"]
    if "signed" in words and rest == ["char"]:
        return Dtype.I8
    name = " ".join((["unsigned"] if unsigned else []) + rest) or "int"
    return _TYPES.get(name)
