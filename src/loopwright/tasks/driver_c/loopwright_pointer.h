/* Part of the driver that Loopwright writes around a kernel: how C++ and CUDA hand over an array. */
#ifndef LOOPWRIGHT_POINTER_H
#define LOOPWRIGHT_POINTER_H

/* Becomes a pointer to whatever the parameter points to. */
struct lw_pointer {
    void *address;
    template <class T> operator T *() const { return static_cast<T *>(address); }
};

#endif
