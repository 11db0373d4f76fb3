/* The clock, random numbers and the floating-point unit, by our own instructions. Part of the driver that
 * Loopwright writes around a kernel.
 *
 * Nothing here goes through the C library where we know how to do without: a kernel that brings its own
 * clock_gettime or getrandom changes neither the time nor the inputs.
 */
#ifndef LOOPWRIGHT_MACHINE_H
#define LOOPWRIGHT_MACHINE_H

#include "loopwright_arrays.h"

#include <sys/syscall.h>
#include <time.h>

/* A system call of up to four arguments; a negative result is an error number. */
static long lw_system_call(long number, long first, long second, long third, long fourth)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = fourth;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x0 __asm__("x0") = first;
    register long x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    register long x3 __asm__("x3") = fourth;
    register long x8 __asm__("x8") = number;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x8) : "memory");
    return x0;
#else
    const long result = syscall(number, first, second, third, fourth);
    return result < 0 ? -errno : result;
#endif
}

/* Nanoseconds on the monotonic clock. */
static int64_t lw_clock_ns(void)
{
    struct timespec now;
    if (lw_system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0) != 0)
        lw_die(LW_EXIT_USAGE, "no monotonic clock", "clock_gettime", "");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* 64 bits that nobody could know before, never 0. */
static uint64_t lw_draw(void)
{
    uint64_t bits = 0;
    while (bits == 0)
        if (lw_system_call(SYS_getrandom, (long)&bits, sizeof bits, 0, 0) != (long)sizeof bits)
            lw_die(LW_EXIT_USAGE, "no random numbers", "getrandom", "");
    return bits;
}

/* Whether the kernel of the system can write at `address`; what is there is lost then. */
static int lw_is_open(unsigned char *address)
{
    return lw_system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)address, 0, 0) != -EFAULT;
}

/* The address of the function that handles memory faults. */
static uint64_t lw_fault_handler(void)
{
    uint64_t action[4] = {0, 0, 0, 0}; /* struct sigaction of the system call: the handler comes first */
    lw_system_call(SYS_rt_sigaction, SIGSEGV, 0, (long)action, 8);
    return action[0];
}

/* The control part of the floating-point unit: rounding, flushing of subnormals, trapped exceptions.
 * The sticky exception flags are left out, every computation may raise them. */
static uint64_t lw_fp_control(void)
{
#if defined(__x86_64__)
    uint32_t sse;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0" : "=m"(sse));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return ((uint64_t)x87 << 32) | (sse & ~UINT32_C(0x3f));
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
#else
    return 0;
#endif
}

/* What a process starts with; -ffast-math changes it before main, which a task has to allow. */
static uint64_t lw_fp_expected(void)
{
#if defined(__FAST_MATH__)
    return lw_fp_control();
#elif defined(__x86_64__)
    return (UINT64_C(0x037f) << 32) | UINT64_C(0x1f80);
#else
    return 0;
#endif
}

static void lw_set_fp_control(uint64_t control)
{
#if defined(__x86_64__)
    const uint32_t sse = (uint32_t)control;
    const uint16_t x87 = (uint16_t)(control >> 32);
    __asm__ volatile("ldmxcsr %0" : : "m"(sse));
    __asm__ volatile("fldcw %0" : : "m"(x87));
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
#else
    (void)control;
#endif
}

#endif
