// Errors of the stream codec as Python sees them.
#pragma once

#include <pybind11/pybind11.h>

namespace imgadm::bindings {

// ZfsStreamError for a faulty stream, OSError for a failure of the system.
void bind_zstream_errors(pybind11::module_ &module);

}  // namespace imgadm::bindings
