#include "bindings/bindings.hpp"

namespace imgadm::bindings {

void bind_bzip2(pybind11::module_ &) {}

}  // namespace imgadm::bindings
