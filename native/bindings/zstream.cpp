#include "bindings/bindings.hpp"
#include "bindings/buffer.hpp"
#include "bindings/zstream_errors.hpp"
#include "zstream/features.hpp"
#include "zstream/fletcher4.hpp"
#include "zstream/plain_stream.hpp"
#include "zstream/raw_disk_receiver.hpp"
#include "zstream/verifier.hpp"
#include "zstream/volume_writer.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace py = pybind11;

namespace imgadm::bindings {

namespace {

using namespace zstream;

using Access = ContiguousBuffer::Access;

// An object of the core whose methods run without the GIL, one at a time. A second thread, or a
// callback that reaches for the object it is called from, gets an error and not a broken object.
template <typename Core> class Exclusive {
public:
    template <typename... Arguments>
    explicit Exclusive(Arguments &&...arguments) : core_(std::forward<Arguments>(arguments)...) {}

    template <typename Action> auto run(Action action) {
        const Turn turn(busy_);
        const py::gil_scoped_release released;
        return action(core_);
    }

private:
    struct Turn {
        explicit Turn(std::atomic<bool> &busy) : busy_(busy) {
            if (busy_.exchange(true)) {
                throw std::runtime_error("object is in use by another call");
            }
        }
        ~Turn() { busy_ = false; }
        std::atomic<bool> &busy_;
    };

    Core core_;
    std::atomic<bool> busy_{false};
};

template <typename Core> void feed(Exclusive<Core> &self, const py::buffer &buffer) {
    const ContiguousBuffer slice(buffer, Access::read);
    self.run([&](Core &core) { core.feed({slice.data(), slice.size()}); });
}

template <typename Core> Summary finish(Exclusive<Core> &self) {
    return self.run([](Core &core) { return core.finish(); });
}

// hook(codec name, payload, size) returns `size` bytes; its exception becomes a format error.
Inflate inflate_through(const py::object &hook) {
    if (hook.is_none()) {
        return nullptr;
    }
    return [hook](Codec codec, Bytes payload, std::uint8_t *out, std::size_t size) {
        const py::gil_scoped_acquire acquired;
        try {
            const py::object result =
                hook(codec_name(codec),
                     py::bytes(reinterpret_cast<const char *>(payload.data), payload.size), size);
            const ContiguousBuffer content(result, Access::read);
            if (content.size() != size) {
                throw BadPayload{"decompresses to " + std::to_string(content.size()) +
                                 " bytes, wanted " + std::to_string(size)};
            }
            std::copy_n(content.data(), size, out);
        } catch (const py::error_already_set &error) {
            if (!error.matches(PyExc_Exception) || error.matches(PyExc_MemoryError)) {
                throw;
            }
            throw BadPayload{"does not decompress: " + std::string(py::str(error.value()))};
        }
    };
}

py::str text_of(const std::string &name) {
    PyObject *const text =
        PyUnicode_DecodeUTF8(name.data(), static_cast<Py_ssize_t>(name.size()), "backslashreplace");
    if (text == nullptr) {
        throw py::error_already_set();
    }
    return py::reinterpret_steal<py::str>(text);
}

py::dict record_counts(const Summary &summary) {
    py::dict counts;
    for (std::size_t i = 0; i < record_type_count; ++i) {
        counts[record_name(static_cast<RecordType>(i))] = summary.records[i];
    }
    return counts;
}

void bind_summary(py::module_ &module) {
    const auto begin_field = [](auto field) {
        return [field](const Summary &summary) { return summary.begin.*field; };
    };
    py::class_<Summary>(module, "StreamSummary", "What a verified stream is.")
        .def_property_readonly(
            "type", [](const Summary &summary) { return summary.is_volume() ? "zvol" : "zfs"; })
        .def_property_readonly("guid", begin_field(&Begin::to_guid))
        .def_property_readonly("from_guid", begin_field(&Begin::from_guid))
        .def_property_readonly("name",
                               [](const Summary &summary) { return text_of(summary.begin.name); })
        .def_property_readonly("creation_time", begin_field(&Begin::creation_time))
        .def_property_readonly("features", begin_field(&Begin::features))
        .def_property_readonly("flags", begin_field(&Begin::flags))
        .def_property_readonly("byte_order",
                               [](const Summary &summary) {
                                   return summary.byte_order == ByteOrder::little ? "little"
                                                                                  : "big";
                               })
        .def_readonly("volume_size", &Summary::volume_size)
        .def_readonly("block_size", &Summary::block_size)
        .def_readonly("stream_bytes", &Summary::stream_bytes)
        .def_readonly("logical_bytes", &Summary::logical_bytes)
        .def_property_readonly("records", &record_counts)
        .def_property_readonly("clone", [](const Summary &summary) {
            return (summary.begin.flags & begin_flag::clone) != 0;
        });
}

std::optional<ObjectSet> kind_named(const std::optional<std::string> &kind) {
    if (!kind) {
        return std::nullopt;
    }
    if (*kind != "zfs" && *kind != "zvol") {
        throw py::value_error("kind must be zfs or zvol");
    }
    return *kind == "zvol" ? ObjectSet::volume : ObjectSet::file_system;
}

void bind_verifier(py::module_ &module) {
    using Class = Exclusive<Verifier>;
    py::class_<Class>(module, "StreamVerifier", "Checks a send stream of any simple kind.")
        .def(py::init([](const std::optional<std::string> &kind,
                         std::optional<std::uint64_t> from_guid, bool allow_trailing_bytes) {
                 return std::make_unique<Class>(Wanted{kind_named(kind), from_guid},
                                                allow_trailing_bytes);
             }),
             py::kw_only(), py::arg("kind") = py::none(), py::arg("from_guid") = py::none(),
             py::arg("allow_trailing_bytes") = false)
        .def("write", &feed<Verifier>, py::arg("buffer"))
        .def("finish", &finish<Verifier>);
}

py::bytes as_bytes(const std::vector<std::uint8_t> &content) {
    return {reinterpret_cast<const char *>(content.data()), content.size()};
}

void bind_plain_stream(py::module_ &module) {
    using Class = Exclusive<PlainStream>;
    using Optional = std::optional<std::uint64_t>;
    py::class_<Class>(module, "PlainStream", "Takes a send stream out of its package.")
        .def(py::init([](const std::optional<std::string> &kind, Optional from_guid,
                         Optional size_in_mib) {
                 return std::make_unique<Class>(Wanted{kind_named(kind), from_guid}, size_in_mib);
             }),
             py::kw_only(), py::arg("kind") = py::none(), py::arg("from_guid") = py::none(),
             py::arg("size_in_mib") = py::none())
        .def(
            "write",
            [](Class &self, const py::buffer &buffer) {
                const ContiguousBuffer slice(buffer, Access::read);
                const Passage passage = self.run([&](PlainStream &core) {
                    return core.feed({slice.data(), slice.size()});
                });
                return py::make_tuple(as_bytes(passage.before), passage.start, passage.stop);
            },
            py::arg("buffer"))
        .def("finish", &finish<PlainStream>)
        .def_property_readonly("end_record", [](Class &self) {
            return as_bytes(self.run([](PlainStream &core) { return core.end_record(); }));
        });
}

void bind_receiver(py::module_ &module) {
    using Class = Exclusive<RawDiskReceiver>;
    using Optional = std::optional<std::uint64_t>;
    py::class_<Class>(module, "RawDiskReceiver", "Writes the volume of a send stream to a file.")
        .def(py::init([](int fd, Optional origin_guid, Optional origin_block_size,
                         Optional origin_size, const py::object &inflate,
                         std::uint64_t write_behind_step, bool punch_holes, std::uint64_t reserve,
                         Optional size_in_mib) {
                 return std::make_unique<Class>(
                     fd, ReceiverOptions{origin_guid, origin_block_size, origin_size,
                                         inflate_through(inflate), write_behind_step, punch_holes,
                                         reserve, size_in_mib});
             }),
             py::arg("fd"), py::kw_only(), py::arg("origin_guid") = py::none(),
             py::arg("origin_block_size") = py::none(), py::arg("origin_size") = py::none(),
             py::arg("inflate") = py::none(), py::arg("write_behind_step") = 0,
             py::arg("punch_holes") = true, py::arg("reserve") = 0,
             py::arg("size_in_mib") = py::none())
        .def("write", &feed<RawDiskReceiver>, py::arg("buffer"))
        .def("finish", &finish<RawDiskReceiver>)
        .def_property_readonly("bytes_written", [](Class &self) {
            return self.run([](RawDiskReceiver &core) { return core.bytes_written(); });
        });
}

// A disk whose bytes come from Python: read(offset, size) returns at most so many of them, none at
// the end; find_data(offset) the bounds of the first run that may hold data.
class ScriptedContent : public DiskContent {
public:
    explicit ScriptedContent(py::object reader) : reader_(std::move(reader)) {}
    ~ScriptedContent() override {
        const py::gil_scoped_acquire acquired;
        reader_ = py::object();
    }

    std::size_t read(std::uint64_t offset, std::uint8_t *out, std::size_t size) override {
        const py::gil_scoped_acquire acquired;
        std::size_t filled = 0;
        while (filled < size) {
            const py::object piece = reader_.attr("read")(offset + filled, size - filled);
            const ContiguousBuffer bytes(piece, Access::read);
            if (bytes.size() > size - filled) {
                throw std::length_error("more bytes than were asked for");
            }
            if (bytes.size() == 0) {
                break;
            }
            std::copy_n(bytes.data(), bytes.size(), out + filled);
            filled += bytes.size();
        }
        return filled;
    }

    Extent find_data(std::uint64_t offset, std::uint64_t size) override {
        const py::gil_scoped_acquire acquired;
        const auto [start, end] =
            reader_.attr("find_data")(offset).cast<std::pair<std::uint64_t, std::uint64_t>>();
        return {std::min(std::max(start, offset), size), std::min(end, size)};
    }

private:
    py::object reader_;
};

std::function<void()> called_through(const py::object &hook) {
    if (hook.is_none()) {
        return nullptr;
    }
    return [hook] {
        const py::gil_scoped_acquire acquired;
        hook();
    };
}

std::unique_ptr<DiskContent> content_of(const py::object &disk, const py::object &before_read) {
    if (py::isinstance<py::int_>(disk)) {
        return std::make_unique<FileContent>(disk.cast<int>(), called_through(before_read));
    }
    return std::make_unique<ScriptedContent>(disk);
}

void bind_writer(py::module_ &module) {
    using Class = Exclusive<VolumeWriter>;
    py::class_<Class>(module, "VolumeStreamWriter", "Makes the send stream of a raw disk.")
        .def(py::init([](const py::object &disk, std::optional<std::uint64_t> size,
                         std::size_t block_size, std::uint64_t guid, std::uint64_t creation_time,
                         const std::string &name, std::uint64_t from_guid, int origin_fd,
                         std::uint64_t origin_size, std::optional<std::uint64_t> salt,
                         const py::object &before_read) {
                 std::unique_ptr<DiskContent> origin;
                 if (origin_fd >= 0) {
                     origin = std::make_unique<FileContent>(origin_fd);
                 }
                 return std::make_unique<Class>(
                     content_of(disk, before_read),
                     VolumeWriterOptions{size, block_size, guid, creation_time, name, from_guid,
                                         std::move(origin), origin_size, salt});
             }),
             py::arg("disk"), py::kw_only(), py::arg("size"), py::arg("block_size"),
             py::arg("guid"), py::arg("creation_time"), py::arg("name"), py::arg("from_guid") = 0,
             py::arg("origin_fd") = -1, py::arg("origin_size") = 0, py::arg("salt") = py::none(),
             py::arg("before_read") = py::none())
        .def(
            "readinto",
            [](Class &self, const py::buffer &buffer) {
                const ContiguousBuffer room(buffer, Access::write);
                return self.run(
                    [&](VolumeWriter &core) { return core.read(room.data(), room.size()); });
            },
            py::arg("buffer"))
        .def(
            "measure",
            [](Class &self) { return self.run([](VolumeWriter &core) { return core.measure(); }); })
        .def_property_readonly("volume_size", [](Class &self) {
            return self.run([](VolumeWriter &core) { return core.volume_size(); });
        });
}

void bind_fletcher4(py::module_ &module) {
    module.def(
        "fletcher4",
        [](const py::buffer &buffer, bool big_endian, bool vectors) {
            const ContiguousBuffer bytes(buffer, Access::read);
            Fletcher4 sum(big_endian ? ByteOrder::big : ByteOrder::little,
                          vectors ? fastest_fletcher4() : Fletcher4Method::scalar);
            {
                const py::gil_scoped_release released;
                sum.update({bytes.data(), bytes.size()});
            }
            const auto [a, b, c, d] = sum.sum();
            return py::make_tuple(a, b, c, d);
        },
        py::arg("buffer"), py::kw_only(), py::arg("big_endian") = false, py::arg("vectors") = true);
}

}  // namespace

void bind_zstream(py::module_ &module) {
    bind_zstream_errors(module);
    bind_summary(module);
    bind_verifier(module);
    bind_plain_stream(module);
    bind_receiver(module);
    bind_writer(module);
    bind_fletcher4(module);
}

}  // namespace imgadm::bindings
