#include "bindings/bindings.hpp"
#include "bindings/buffer.hpp"
#include "bindings/sha1.hpp"

#include <pybind11/stl.h>

namespace py = pybind11;

namespace imgadm::bindings {
namespace {

std::unique_ptr<Hasher> create(const std::string &engine) {
    auto sha1 = Sha1::create(engine);
    if (!sha1) throw py::value_error("no such SHA-1 engine here: " + engine);
    return std::make_unique<Hasher>(std::move(sha1));
}

py::bytes digest(const Hasher &hasher) {
    const Sha1Digest bytes = hasher.digest();
    return py::bytes(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

}  // namespace

void bind_sha1(py::module_ &module) {
    py::class_<Hasher>(module, "Sha1", "SHA-1 by the fastest engine here; works like hashlib's.")
        .def(py::init(&create), py::kw_only(), py::arg("engine") = "")
        .def(
            "update",
            [](Hasher &hasher, const py::object &data) {
                const ContiguousBuffer bytes(data, ContiguousBuffer::Access::read);
                const py::gil_scoped_release released;
                hasher.update(bytes.data(), bytes.size());
            },
            py::arg("data"))
        .def("digest", &digest)
        .def("hexdigest", [](const Hasher &hasher) { return digest(hasher).attr("hex")(); })
        .def("copy", &Hasher::copy)
        .def_property_readonly("length", &Hasher::length, "Bytes hashed so far.");
    module.def("sha1_engines", &Sha1::engines, "Names of the engines that work here.");
}

}  // namespace imgadm::bindings
