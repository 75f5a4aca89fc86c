#include "bindings/zstream_errors.hpp"

#include "zstream/error.hpp"

#include <system_error>

namespace py = pybind11;

namespace imgadm::bindings {

namespace {

PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::object> stream_error_type;

void raise_stream_error(const zstream::StreamError &error) {
    const py::object &type = stream_error_type.get_stored();
    const py::object value = type(error.what());
    value.attr("kind") = error.kind_name();
    value.attr("offset") = error.offset();
    value.attr("errno") = error.os_error();
    PyErr_SetObject(type.ptr(), value.ptr());
}

}  // namespace

void bind_zstream_errors(py::module_ &module) {
    stream_error_type.call_once_and_store_result([&]() -> py::object {
        return py::exception<zstream::StreamError>(module, "ZfsStreamError", PyExc_ValueError);
    });
    py::register_exception_translator([](std::exception_ptr thrown) {
        try {
            std::rethrow_exception(thrown);
        } catch (const zstream::StreamError &error) {
            raise_stream_error(error);
        } catch (const std::system_error &error) {
            const py::object value = py::reinterpret_borrow<py::object>(PyExc_OSError)(
                error.code().value(), error.what());
            PyErr_SetObject(py::type::of(value).ptr(), value.ptr());
        }
    });
}

}  // namespace imgadm::bindings
