// A C-contiguous bytes-like object, held while the core works on its memory.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>

namespace imgadm::bindings {

// A thread needs the GIL to make one and to destroy it, but not to use it.
class ContiguousBuffer {
public:
    enum class Access { read, write };

    ContiguousBuffer(const pybind11::handle &object, Access access) {
        const int flags = access == Access::write ? PyBUF_WRITABLE : PyBUF_SIMPLE;
        if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
            throw pybind11::error_already_set();
        }
    }
    ~ContiguousBuffer() { PyBuffer_Release(&view_); }
    ContiguousBuffer(const ContiguousBuffer &) = delete;
    ContiguousBuffer &operator=(const ContiguousBuffer &) = delete;

    std::uint8_t *data() const { return static_cast<std::uint8_t *>(view_.buf); }
    std::size_t size() const { return static_cast<std::size_t>(view_.len); }

private:
    Py_buffer view_;
};

}  // namespace imgadm::bindings
