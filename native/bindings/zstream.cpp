#include "bindings/bindings.hpp"

namespace imgadm::bindings {

void bind_zstream(pybind11::module_ &) {}

}  // namespace imgadm::bindings
