// One function for each folder of the core; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

namespace imgadm::bindings {

void bind_meter(pybind11::module_ &module);
void bind_sha1(pybind11::module_ &module);
void bind_descriptors(pybind11::module_ &module);
void bind_bzip2(pybind11::module_ &module);
void bind_zstream(pybind11::module_ &module);

}  // namespace imgadm::bindings
