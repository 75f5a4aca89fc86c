#include "bindings/bindings.hpp"

namespace imgadm::bindings {

void bind_meter(pybind11::module_ &) {}

}  // namespace imgadm::bindings
