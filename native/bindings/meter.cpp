#include "bindings/bindings.hpp"
#include "meter/meter.hpp"

namespace py = pybind11;

namespace imgadm::bindings {

void bind_meter(py::module_ &module) {
    py::class_<Meter>(module, "Meter", "Bytes moved and seconds waited by one stage.")
        .def(py::init<>())
        .def("add_in", &Meter::add_in, py::arg("count"))
        .def("add_out", &Meter::add_out, py::arg("count"))
        .def("begin_input_wait", [](Meter &meter) { meter.begin_wait(Meter::Wait::input); })
        .def("begin_output_wait", [](Meter &meter) { meter.begin_wait(Meter::Wait::output); })
        .def("end_wait", &Meter::end_wait)
        .def_property_readonly("bytes_in", &Meter::bytes_in)
        .def_property_readonly("bytes_out", &Meter::bytes_out)
        .def_property_readonly("waited_for_input", &Meter::waited_for_input, "Seconds.")
        .def_property_readonly("waited_for_output", &Meter::waited_for_output, "Seconds.");
}

}  // namespace imgadm::bindings
