#include "bzip2/decoder.hpp"
#include "bzip2/encoder.hpp"

#include <memory>
#include <string>
#include <vector>

#include "bindings/bindings.hpp"
#include "bindings/buffer.hpp"

namespace py = pybind11;

namespace imgadm::bindings {

namespace {

using bzip2::Decoder;
using bzip2::Failure;

constexpr int max_threads = 256;

const char *kind_name(Failure::Kind kind) {
    switch (kind) {
        case Failure::Kind::truncated: return "truncated";
        case Failure::Kind::checksum: return "checksum";
        case Failure::Kind::format: break;
    }
    return "format";
}

[[noreturn]] void raise(const py::object &type, const Failure &failure) {
    const std::string text = failure.message + " (byte " + std::to_string(failure.offset) + ")";
    py::object error = type(text);
    error.attr("kind") = kind_name(failure.kind);
    error.attr("offset") = failure.offset;
    PyErr_SetObject(type.ptr(), error.ptr());
    throw py::error_already_set();
}

std::unique_ptr<Decoder> make_decoder(int threads) {
    if (threads < 1 || threads > max_threads) {
        throw py::value_error("got " + std::to_string(threads) + " threads, wanted 1 to " +
                              std::to_string(max_threads));
    }
    return std::make_unique<Decoder>(static_cast<unsigned>(threads));
}

void feed(Decoder &decoder, const py::object &data) {
    const ContiguousBuffer view(data, ContiguousBuffer::Access::read);
    bool taken;
    {
        const py::gil_scoped_release unlocked;
        taken = decoder.feed(view.data(), view.size());
    }
    if (!taken) throw py::value_error("bzip2 decoder is closed, or its input has ended");
}

py::object readinto(const py::object &error_type, Decoder &decoder, const py::object &buffer) {
    const ContiguousBuffer view(buffer, ContiguousBuffer::Access::write);
    if (view.size() == 0) throw py::value_error("got an empty buffer to read into");
    Decoder::Reading reading;
    {
        const py::gil_scoped_release unlocked;
        reading = decoder.read(view.data(), view.size());
    }
    switch (reading.answer) {
        case Decoder::Answer::bytes: return py::int_(reading.count);
        case Decoder::Answer::wants_input: return py::none();
        case Decoder::Answer::end: return py::int_(0);
        case Decoder::Answer::failed: raise(error_type, decoder.failure());
        case Decoder::Answer::closed: break;
    }
    throw py::value_error("bzip2 decoder is closed");
}

py::bytes compress(const py::object &data, unsigned level) {
    if (level < 1 || level > 9) {
        throw py::value_error("got level " + std::to_string(level) + ", wanted 1 to 9");
    }
    const ContiguousBuffer view(data, ContiguousBuffer::Access::read);
    std::vector<std::uint8_t> stream;
    {
        const py::gil_scoped_release unlocked;
        stream = bzip2::Encoder(level).encode(view.data(), view.size());
    }
    return py::bytes(reinterpret_cast<const char *>(stream.data()), stream.size());
}

}  // namespace

void bind_bzip2(py::module_ &module) {
    const py::exception<void> error_type(module, "Bzip2Error", PyExc_ValueError);
    error_type.attr("__doc__") =
        "Input is no whole bzip2 file: `kind` says why, `offset` (bytes) where.";

    module.def("bzip2_compress", &compress, py::arg("data"), py::arg("level"),
               "Everything in one bzip2 stream.");

    using unlocked = py::call_guard<py::gil_scoped_release>;
    py::class_<Decoder>(module, "Bzip2Decoder", "Decodes bzip2 on several threads.")
        .def(py::init(&make_decoder), py::arg("threads"))
        .def("feed", &feed, py::arg("data"))
        .def("end_of_input", &Decoder::end_of_input, unlocked())
        .def(
            "readinto",
            [error_type](Decoder &decoder, const py::object &buffer) {
                return readinto(error_type, decoder, buffer);
            },
            py::arg("buffer"))
        .def("close", &Decoder::close, unlocked())
        .def_property_readonly("ignored_trailing_bytes",
                               py::cpp_function(&Decoder::ignored_trailing_bytes, unlocked()));
}

}  // namespace imgadm::bindings
