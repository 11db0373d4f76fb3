"""The CUDA execution model on the CPU: a header, a rewriter of launches, and a runtime that watches memory.

A `.cu` program is compiled as C++ by an ordinary compiler, which announces every memory access to the runtime
(the hooks of -fsanitize=thread, answered by ours). Threads of a block are fibers that change places at
barriers only, in random order; blocks run one after another, in random order.
"""
