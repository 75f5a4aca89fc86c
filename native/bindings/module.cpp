#include "bindings/bindings.hpp"

PYBIND11_MODULE(_native, module) {
    module.doc() = "Native core of imgadm: hashing, counters, descriptors, decoders, ZFS streams.";
    imgadm::bindings::bind_meter(module);
    imgadm::bindings::bind_sha1(module);
    imgadm::bindings::bind_descriptors(module);
    imgadm::bindings::bind_bzip2(module);
    imgadm::bindings::bind_zstream(module);
}
