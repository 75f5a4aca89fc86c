// Large arrays that take up memory only where they were written.
#pragma once

#include <cstddef>
#include <memory>

namespace imgadm::bzip2 {

template <typename T> using Storage = std::unique_ptr<T[]>;

// Unlike those of a vector, the elements are not set to zero, which would touch every page.
template <typename T> Storage<T> make_storage(std::size_t count) {
    return Storage<T>(new T[count]);
}

}  // namespace imgadm::bzip2
