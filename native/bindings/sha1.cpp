#include "bindings/bindings.hpp"

namespace imgadm::bindings {

void bind_sha1(pybind11::module_ &) {}

}  // namespace imgadm::bindings
