// What the rewriter makes of kernel<<<grid, block, shared, stream>>>(arguments).
#pragma once

#include <tuple>
#include <utility>

#include "loopwright_cuda/types.h"

extern "C" void loopwright_cuda_launch(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
                                       void *stream, void (*one)(void *), void *arguments, size_t size, int lanes);

namespace loopwright_cuda {

struct Launch {
    const char *kernel;
    dim3 grid, block;
    size_t shared_bytes;
    void *stream;

    Launch(const char *kernel_, dim3 grid_, dim3 block_, size_t shared_bytes_ = 0, void *stream_ = nullptr)
        : kernel(kernel_), grid(grid_), block(block_), shared_bytes(shared_bytes_), stream(stream_) {}

    // `call` calls the kernel with copies of `arguments`; it is called once for every thread.
    template <class F, class... A>
    __attribute__((always_inline)) void run(F call, A... arguments) const {
        struct Given {
            F call;
            std::tuple<A...> arguments;
        } given{call, std::tuple<A...>(arguments...)};
        loopwright_cuda_launch(kernel, grid, block, shared_bytes, stream, [](void *data) {
            Given *g = static_cast<Given *>(data);
            std::apply(g->call, g->arguments);
        }, &given, sizeof given, LOOPWRIGHT_CUDA_LANES);
    }
};

}  // namespace loopwright_cuda
