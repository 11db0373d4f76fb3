// Loopwright's emulation of CUDA on the CPU; found before NVIDIA's header of the same name.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "loopwright_cuda/api.h"
#include "loopwright_cuda/device.h"
#include "loopwright_cuda/launch.h"
