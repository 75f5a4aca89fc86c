#include "bindings/bindings.hpp"
#include "bindings/buffer.hpp"
#include "bindings/sha1.hpp"
#include "descriptors/descriptors.hpp"
#include "descriptors/write_behind.hpp"

#include <cerrno>
#include <limits>
#include <system_error>

namespace py = pybind11;

namespace imgadm::bindings {
namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

std::size_t read_into(int descriptor, const py::object &object, int cancel, Meter &meter,
                      int stall_milliseconds) {
    const ContiguousBuffer buffer(object, ContiguousBuffer::Access::write);
    const py::gil_scoped_release released;
    return read_some(descriptor, buffer.data(), buffer.size(),
                     Waiter(cancel, stall_milliseconds, meter));
}

template <auto write>
auto write_from(int descriptor, const py::object &object, int cancel, Meter &meter) {
    const ContiguousBuffer buffer(object, ContiguousBuffer::Access::read);
    const py::gil_scoped_release released;
    return write(descriptor, buffer.data(), buffer.size(), Waiter(cancel, -1, meter));
}

}  // namespace

void bind_descriptors(py::module_ &module) {
    py::register_exception<Cancelled>(module, "Cancelled");
    py::register_exception_translator([](std::exception_ptr thrown) {
        try {
            if (thrown) std::rethrow_exception(thrown);
        } catch (const std::system_error &error) {
            errno = error.code().value();
            PyErr_SetFromErrno(PyExc_OSError);
        }
    });
    module.attr("KERNEL_MOVES") = kernel_moves();
    module.def("read_into", &read_into, py::arg("descriptor"), py::arg("buffer"), py::arg("cancel"),
               py::arg("meter"), py::kw_only(), py::arg("stall_milliseconds") = -1);
    module.def("write_all", &write_from<write_all>, py::arg("descriptor"), py::arg("buffer"),
               py::arg("cancel"), py::arg("meter"));
    module.def("lend_all", &write_from<lend_all>, py::arg("pipe"), py::arg("buffer"),
               py::arg("cancel"), py::arg("meter"));
    py::class_<WriteBehind>(module, "WriteBehind", "Keeps a file that grows out of memory.")
        .def(py::init<int, std::uint64_t>(), py::arg("descriptor"), py::arg("step"))
        .def("wrote", &WriteBehind::wrote, py::arg("offset"), py::arg("length"),
             py::call_guard<py::gil_scoped_release>());
    module.def(
        "move_bytes",
        [](int source, int sink, int cancel, Meter &meter, std::uint64_t limit,
           int stall_milliseconds, std::uint64_t floor_bytes, int floor_milliseconds) {
            const py::gil_scoped_release released;
            const Floor floor{floor_bytes, floor_milliseconds};
            return move_bytes(source, sink, limit,
                              Waiter(cancel, stall_milliseconds, meter, floor));
        },
        py::arg("source"), py::arg("sink"), py::arg("cancel"), py::arg("meter"), py::kw_only(),
        py::arg("limit") = no_limit, py::arg("stall_milliseconds") = -1, py::arg("floor_bytes") = 0,
        py::arg("floor_milliseconds") = 0);
    module.def(
        "move_and_hash",
        [](int source, int sink, int cancel, Meter &meter, Hasher &hasher, std::uint64_t limit) {
            const py::gil_scoped_release released;
            return move_and_hash(source, sink, limit, hasher, Waiter(cancel, -1, meter));
        },
        py::arg("source"), py::arg("sink"), py::arg("cancel"), py::arg("meter"), py::arg("hasher"),
        py::kw_only(), py::arg("limit") = no_limit);
}

}  // namespace imgadm::bindings
