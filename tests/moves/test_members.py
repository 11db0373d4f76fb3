"""Members that a parallel loop only reads: variables of their own, and the twins in which they must not."""

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Language, ask, runs_alike, text_of

from loopwright.moves.parallel_for import ParallelFor

PROGRAM = """\
#include <cstdio>
#include <vector>

static int calls = 0;

class Field {
public:
    Field(int n, double factor) : n_(n), factor_(factor), seen_(0.0), f_(n) {}
    void scale()
    {
        BEFORE
        for (int i = 0; i < n_; ++i) {
            BODY
        }
    }
    void print() const
    {
        for (int i = 0; i < n_; ++i)
            std::printf("%.17g\\n", f_[i] + seen_ + factor_);
    }

private:
    int n_;
    double factor_, seen_;
    std::vector<double> f_;
};

int main()
{
    Field field(3000, 0.75);
    field.scale();
    field.print();
    return calls;
}
"""


OTHER = "int other_file = 0;\n"


def program(body: str, before: str = "") -> str:
    return PROGRAM.replace("BODY", body).replace("BEFORE", before)


def made(text: str) -> list[str]:
    """What is proposed for the loop of `scale`."""
    proposals, _ = ask(ParallelFor(), text, language=Language.CXX)
    return [text_of(p) for p in proposals if p.function == "scale"]


def test_members_that_stay_are_kept_in_variables(tmp_path: Path) -> None:
    before = program("f_[i] += factor_ * (i - f_[i]);")
    after = made(before)[0]
    assert (
        "        {\n            const double factor_ = this->factor_;\n"
        "            #pragma omp parallel for schedule(static)\n            for (int i = 0; i < n_; ++i) {\n"
        "                f_[i] += factor_ * (i - f_[i]);\n            }\n        }\n"
    ) in after
    runs_alike(before, after, OTHER, tmp_path, language=Language.CXX)


@pytest.mark.parametrize(
    ("body", "before"),
    [
        # The member is the result of the loop.
        ("seen_ += f_[i] * i;", ""),
        # A local of the same name stands there, the member does not.
        ("f_[i] = factor_ * i;", "const double factor_ = 2.0;"),
        # Said in full: the text needs no variable.
        ("f_[i] = this->factor_ * i;", ""),
        # Its address would be that of the variable.
        ("const double *where = &factor_; f_[i] = *where * i;", ""),
        # A lambda captures members with the object, and variables only when they are named.
        ("f_[i] = [this]() { return factor_; }() * i;", ""),
    ],
)
def test_other_names_stay_as_they_are(body: str, before: str, tmp_path: Path) -> None:
    text = program(body, before)
    for number, after in enumerate(made(text)):
        assert "factor_ = this->" not in after and "seen_ = this->" not in after
        runs_alike(text, after, OTHER, tmp_path / str(number), language=Language.CXX, rtol=1e-12)


def test_a_member_that_a_pointer_may_reach_is_read_each_time() -> None:
    """The array that is written is not the object's own: it may be the member itself."""
    text = program("out[i] = factor_ * i;", "double *out = where(f_);").replace(
        "static int calls = 0;", "double *where(std::vector<double> &f);"
    )
    assert all("factor_ = this->" not in after for after in made(text.replace("return calls", "return 0")))
