"""libdeflate, bound at run time, which decodes and encodes gzip members that are whole in memory.

Decoding a whole member takes less time than decoding it piece by piece, and needs no memory of its
own for the content. Encoding takes a third of zlib's time for the same size. The functions are
those of the public header, whose ABI is the same since version 1.0. ctypes binds them, because
loading cffi takes longer than libdeflate saves on most images.

The library is the one inside the package ``deflate``, or else that of the host, which is often
older and slower. The package's own functions make a new object for every member and ignore the
bytes behind it, and are therefore not used.
"""

from __future__ import annotations

import ctypes
import functools
import os

_SUCCESS = 0


def load_libdeflate() -> ctypes.CDLL | None:
    """Return the library, or None if it is missing or ``IMGADM_LIBDEFLATE=0`` forbids its use."""
    return None if os.environ.get("IMGADM_LIBDEFLATE", "1") == "0" else _loaded()


@functools.cache
def _loaded() -> ctypes.CDLL | None:
    return _bound(_inside_package()) or _bound("libdeflate.so.0")


def _inside_package() -> str | None:
    try:
        from deflate import _deflate
    except ImportError:
        return None
    return _deflate.__file__


def _bound(path: str | None) -> ctypes.CDLL | None:
    if path is None:
        return None
    size, size_pointer = ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)
    try:
        library = ctypes.CDLL(path)
        library.libdeflate_alloc_decompressor.argtypes = []
        library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
        library.libdeflate_free_decompressor.argtypes = [ctypes.c_void_p]
        library.libdeflate_free_decompressor.restype = None
        library.libdeflate_gzip_decompress_ex.argtypes = [
            *(ctypes.c_void_p, ctypes.c_void_p, size, ctypes.c_void_p, size),
            *(size_pointer, size_pointer),
        ]
        library.libdeflate_gzip_decompress_ex.restype = ctypes.c_int
        library.libdeflate_alloc_compressor.argtypes = [ctypes.c_int]
        library.libdeflate_alloc_compressor.restype = ctypes.c_void_p
        library.libdeflate_free_compressor.argtypes = [ctypes.c_void_p]
        library.libdeflate_free_compressor.restype = None
        library.libdeflate_deflate_compress_bound.argtypes = [ctypes.c_void_p, size]
        library.libdeflate_deflate_compress_bound.restype = size
        library.libdeflate_deflate_compress.argtypes = [
            *(ctypes.c_void_p, ctypes.c_void_p, size, ctypes.c_void_p, size)
        ]
        library.libdeflate_deflate_compress.restype = size
        library.libdeflate_crc32.argtypes = [ctypes.c_uint32, ctypes.c_void_p, size]
        library.libdeflate_crc32.restype = ctypes.c_uint32
    except (OSError, AttributeError):
        return None
    return library


class MemberDecoder:
    """A decoder of members in memory, one after the other."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._decompressor = library.libdeflate_alloc_decompressor()
        if self._decompressor is None:
            raise MemoryError("libdeflate has no memory for a decoder")
        self._used, self._made = ctypes.c_size_t(), ctypes.c_size_t()
        self._used_pointer, self._made_pointer = map(ctypes.byref, (self._used, self._made))

    def decode(self, data: bytes, start: int, room: memoryview) -> tuple[int, int] | None:
        """Decode the member at ``start`` of ``data`` to the beginning of ``room``.

        Returns the size of the member and that of its content, in bytes. Returns None if the member
        is incomplete, damaged, or does not fit into ``room``; then ``room`` may hold anything.
        """
        if not room:
            return None
        address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
        status = self._library.libdeflate_gzip_decompress_ex(
            *(self._decompressor, address + start, len(data) - start),
            *(ctypes.addressof(ctypes.c_char.from_buffer(room)), len(room)),
            *(self._used_pointer, self._made_pointer),
        )
        return (self._used.value, self._made.value) if status == _SUCCESS else None

    def close(self) -> None:
        """Free the decoder's memory; afterwards it can't decode any more."""
        self._library.libdeflate_free_decompressor(self._decompressor)


def decode_member(library: ctypes.CDLL, member: bytearray, room: memoryview, size: int) -> bool:
    """Decode ``member`` to the beginning of ``room``, and tell whether it was as expected.

    That is so if ``member`` is one gzip member and no more, with exactly ``size`` bytes of content,
    and its CRC and length are right. Otherwise ``room`` may hold anything. ``room`` must have at
    least ``size`` bytes. Raises MemoryError.
    """
    if not 0 <= size <= len(room):
        raise ValueError(f"no room for {size} bytes in {len(room)}")
    decompressor = library.libdeflate_alloc_decompressor()
    if decompressor is None:
        raise MemoryError("libdeflate has no memory for a decoder")
    source, target = ctypes.c_char.from_buffer(member), ctypes.c_char.from_buffer(room)
    used = ctypes.c_size_t()
    try:
        # Without a pointer for the length of the content, any length but ``size`` is an error.
        status = library.libdeflate_gzip_decompress_ex(
            *(decompressor, ctypes.addressof(source), len(member)),
            *(ctypes.addressof(target), size, ctypes.byref(used), None),
        )
    finally:
        library.libdeflate_free_decompressor(decompressor)
    return bool(status == _SUCCESS and used.value == len(member))


def deflate(library: ctypes.CDLL, content: memoryview, level: int) -> tuple[memoryview, int]:
    """Return ``content`` deflated, without header and trailer, and its CRC-32.

    Raises MemoryError.
    """
    if content.readonly:  # ctypes gives the address only of writable memory
        content = memoryview(bytearray(content))
    compressor = library.libdeflate_alloc_compressor(level)
    if compressor is None:
        raise MemoryError("libdeflate has no memory for an encoder")
    try:
        size = len(content)
        room = bytearray(library.libdeflate_deflate_compress_bound(compressor, size))
        source, target = ctypes.c_char.from_buffer(content), ctypes.c_char.from_buffer(room)
        address = ctypes.addressof(source)
        length = library.libdeflate_deflate_compress(
            compressor, address, size, ctypes.addressof(target), len(room)
        )
        return memoryview(room)[:length], library.libdeflate_crc32(0, address, size)
    finally:
        library.libdeflate_free_compressor(compressor)
