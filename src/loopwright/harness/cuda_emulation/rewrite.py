"""From CUDA C++ to C++ for the emulation: launches, shared memory and variables of the device.

Everything else is C++ as it stands, with the words that the header explains. The number of lines and the line
of every token stay the same, so that whatever is reported names the user's own lines.
"""

from __future__ import annotations

from collections.abc import Mapping

from loopwright.core.tree import Tree
from loopwright.harness.cuda_emulation.refusals import CUDA, Rules, is_cuda, marked
from loopwright.harness.cuda_emulation.tokens import Token, closing, significant, tokens_of

# Used, so that the compiler does not take what nobody writes for the zeros of a static object.
_SHARED = "static thread_local __attribute__((used))"
_DEVICE_VARIABLE = '__attribute__((section("lw_device")))'


class NotRewritten(ValueError):
    """A launch or a declaration that could not be made out; `line` is where it begins."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def rewritten_tree(tree: Mapping[str, bytes], rules: Rules = CUDA) -> Tree:
    """`tree` with its CUDA C++ rewritten. What `rules` say cannot be emulated
    becomes an `#error` in its place.
    """
    files: dict[str, bytes] = {}
    for path, content in tree.items():
        if not is_cuda(path, content):
            files[path] = content
            continue
        text = marked(content.decode("utf-8", "surrogateescape"), rules)
        try:
            text = rewritten(text)
        except NotRewritten as problem:
            text = "\n" * (problem.line - 1) + f"#error {problem}\n"
        files[path] = text.encode("utf-8", "surrogateescape")
    return Tree(files)


def rewritten(text: str) -> str:
    """One file of CUDA C++ as C++ for the emulation.

    Raises:
        NotRewritten: for a launch or an `extern __shared__` that is not understood.
    """
    tokens = tokens_of(text)
    put: dict[int, str] = {}
    for at, token in enumerate(tokens):
        match token.text:
            case "<<<":
                _launch(tokens, at, put)
            case "hipLaunchKernelGGL":
                _nulls(tokens, at, put)
            case "__shared__":
                _shared(tokens, at, put)
            case "__device__" if _is_variable(tokens, at):
                put[at] = _DEVICE_VARIABLE
            case "__noinline__" if not _inside_attribute(tokens, at):
                put[at] = "__attribute__((noinline))"
    return "".join(put.get(at, token.text) for at, token in enumerate(tokens))


def _launch(tokens: list[Token], at: int, put: dict[int, str]) -> None:
    """KERNEL<<<CONFIG>>>(ARGUMENTS) as a call of the launcher with a function that calls KERNEL."""
    line = tokens[at].line
    begin = _callee(tokens, at)
    end = _end_of_configuration(tokens, at)
    opened = next(significant(tokens, end + 1), None)
    if begin is None or opened is None or tokens[opened].text != "(":
        raise NotRewritten("this launch of a kernel is not understood", line)
    closed = closing(tokens, opened)
    if closed is None:
        raise NotRewritten("the arguments of this launch have no end", line)
    kernel = "".join(t.text if t.kind != "space" else " " for t in tokens[begin:at]).strip()
    quoted = kernel.replace("\\", "\\\\").replace('"', '\\"')
    put[begin] = f'::loopwright_cuda::Launch("{quoted}", '
    # Line breaks in the name stay where they are, so that lines keep their numbers.
    for i in range(begin + 1, at):
        put[i] = "".join(c for c in tokens[i].text if c == "\n") if tokens[i].kind == "space" else ""
    put[at] = ""
    put[end] = ").run"
    call = f"[&](auto... loopwright_a) {{ {kernel}(loopwright_a...); }}"
    empty = next(significant(tokens, opened + 1)) == closed
    put[opened] = f"({call}" if empty else f"({call}, "
    _nulls(tokens, end, put)


def _nulls(tokens: list[Token], at: int, put: dict[int, str]) -> None:
    """In the bracket behind the token `at`: NULL is a number to a function that takes anything."""
    opened = next(significant(tokens, at + 1), None)
    closed = None if opened is None else closing(tokens, opened)
    if opened is None or closed is None:
        return
    for i in range(opened + 1, closed):
        if tokens[i].text == "NULL":
            put[i] = "nullptr"


def _callee(tokens: list[Token], at: int) -> int | None:
    """Where the name before `<<<` begins: a name with its scopes and template arguments."""
    begin: int | None = None
    places = significant(tokens, at - 1, -1)
    expects_name = True
    for i in places:
        token = tokens[i]
        if expects_name and token.text in (">", ">>>"):
            opened = _template_start(tokens, i)
            if opened is None:
                return None
            while next(places) != opened:
                pass
            begin = opened
        elif expects_name and token.kind == "word":
            begin, expects_name = i, False
        elif not expects_name and token.text in ("::", ".", "->"):
            begin, expects_name = i, True
        else:
            break
    if begin is not None and tokens[begin].text in (".", "->"):
        return None
    return begin


def _template_start(tokens: list[Token], at: int) -> int | None:
    depth, brackets = 0, 0
    for i in significant(tokens, at, -1):
        match tokens[i].text:
            case ")" | "]" | "}":
                brackets += 1
            case "(" | "[" | "{":
                brackets -= 1
            case ">" | ">>>" if not brackets:
                depth += len(tokens[i].text)
            case "<" if not brackets:
                depth -= 1
                if not depth:
                    return i
            case ";":
                return None
        if brackets < 0:
            return None
    return None


def _end_of_configuration(tokens: list[Token], at: int) -> int:
    i = at + 1
    while i < len(tokens):
        text = tokens[i].text
        if text == ">>>":
            return i
        if text in ("(", "[", "{"):
            closed = closing(tokens, i)
            if closed is None:
                break
            i = closed
        elif text == ";":
            break
        i += 1
    raise NotRewritten("the configuration of this launch has no end", tokens[at].line)


def _shared(tokens: list[Token], at: int, put: dict[int, str]) -> None:
    """`__shared__ T x[N];` is one object a block, and blocks run one after another: static. With `extern` it
    is as large as the launch says: a pointer to where that lies.
    """
    words = _declaration(tokens, at)
    outside = next((i for i in words if tokens[i].text == "extern"), None)
    if outside is None:
        put[at] = _SHARED
        for i in words:
            if tokens[i].text == "static":
                put[i] = ""
        return
    brackets = next((i for i in words if tokens[i].text == "["), None)
    name = None if brackets is None else next(significant(tokens, brackets - 1, -1), None)
    if brackets is None or name is None or tokens[name].kind != "word" or tokens[words[-1]].text != ";":
        raise NotRewritten("this extern __shared__ declaration is not understood", tokens[at].line)
    kind = [tokens[i].text for i in words if i < name and tokens[i].text not in ("extern", "__shared__")]
    kind = _without_alignment(kind)
    for i in words:
        if i not in (name, words[-1]):
            put[i] = ""
    spelt = " ".join(kind)
    put[name] = f"{spelt} *const {tokens[name].text} = ({spelt} *)::loopwright_cuda_dynamic_shared"


def _without_alignment(words: list[str]) -> list[str]:
    """A type without __align__(16), alignas(16) and __attribute__((...))."""
    kept: list[str] = []
    depth = 0
    skipping = False
    for word in words:
        if word in ("__align__", "alignas", "__attribute__"):
            skipping = True
        elif skipping and word == "(":
            depth += 1
        elif skipping and word == ")":
            depth -= 1
            skipping = depth > 0
        elif not skipping:
            kept.append(word)
    return kept


def _declaration(tokens: list[Token], at: int) -> list[int]:
    """Indices of the declaration around `at`: from the last ; { } or # to the next ;"""
    begin = at
    for i in significant(tokens, at - 1, -1):
        if tokens[i].text in (";", "{", "}", ")", ">", "#") or tokens[i].kind in ("string", "raw"):
            break
        begin = i
    found: list[int] = []
    for i in significant(tokens, begin):
        found.append(i)
        if tokens[i].text in (";", "=") or len(found) > 400:
            break
    return found


def _is_variable(tokens: list[Token], at: int) -> bool:
    """Whether this `__device__` belongs to a variable: a function has its bracket before anything ends it."""
    alignment = False
    for i in significant(tokens, at + 1):
        text = tokens[i].text
        if text in ("__align__", "alignas", "__attribute__", "__launch_bounds__", "decltype"):
            alignment = True
        elif text == "(":
            if not alignment:
                return False
            closed = closing(tokens, i)
            return False if closed is None else _is_variable(tokens, closed)
        elif text in (";", "=", "{", "["):
            # A lambda has its captures right behind the word.
            before = tokens[next(significant(tokens, i - 1, -1))]
            return text != "[" or (before.kind == "word" and before.text != "__device__")
        elif text in ("__global__", "operator", "<<<", "}"):
            return False
    return False


def _inside_attribute(tokens: list[Token], at: int) -> bool:
    before = list(zip(significant(tokens, at - 1, -1), range(2), strict=False))
    return len(before) == 2 and all(tokens[i].text == "(" for i, _ in before)
