#include "bindings/bindings.hpp"

namespace imgadm::bindings {

void bind_descriptors(pybind11::module_ &) {}

}  // namespace imgadm::bindings
