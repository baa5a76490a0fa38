#pragma once

// Views over raw bytes, and the one place where they meet the char pointers of C libraries.
// A ByteView handed out by a machine is valid until the next call on that machine, unless it says otherwise.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bt {

using Byte = std::uint8_t;
using ByteView = std::span<const Byte>;
using MutableByteView = std::span<Byte>;
using ByteBuffer = std::vector<Byte>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const Byte*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline const char* as_chars(const Byte* bytes) { return reinterpret_cast<const char*>(bytes); }
inline char* as_chars(Byte* bytes) { return reinterpret_cast<char*>(bytes); }

inline std::string to_string(ByteView bytes) { return std::string(as_text(bytes)); }
inline ByteBuffer to_buffer(ByteView bytes) { return ByteBuffer(bytes.begin(), bytes.end()); }

inline bool equal_bytes(ByteView a, ByteView b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

inline void append(ByteBuffer& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
inline void append(ByteBuffer& out, std::string_view text) { append(out, as_bytes(text)); }

}  // namespace bt
