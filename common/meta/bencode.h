#pragma once

// Bencode (BEP 3): zero-copy reader with limits, canonical writer.
//
// parse() makes a flat list of tokens over the caller's bytes; Node is a light handle into it. The bytes must outlive
// the Document. Nothing recurses: nesting depth is a number that is checked, not a stack that overflows.
// Refused with the byte offset: a string that claims more bytes than there are (checked before any allocation),
// integers that are not canonical (leading zero, "-0", empty; string lengths too) or exceed 64 bits, a dictionary key
// that is no string, a key without a value, a missing end, bytes behind the value (unless allowed), too much depth, too many tokens.
// Dictionary order: unsorted or duplicate keys are accepted in lenient mode (trackers send them) and is_canonical()
// tells; find() then answers the first one.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace bt::meta {

struct BencodeLimits {
    std::uint32_t max_depth = 100;
    std::uint32_t max_tokens = 3'000'000;
    bool allow_trailing = false;  // bytes after the value: see BencodeDocument::size()
};

class BencodeDocument;

class BencodeNode {
  public:
    enum class Type : std::uint8_t { Integer, String, List, Dict };

    [[nodiscard]] Type type() const;
    [[nodiscard]] bool is_integer() const { return type() == Type::Integer; }
    [[nodiscard]] bool is_string() const { return type() == Type::String; }
    [[nodiscard]] bool is_list() const { return type() == Type::List; }
    [[nodiscard]] bool is_dict() const { return type() == Type::Dict; }

    // Each answers nothing when the node is of another type.
    [[nodiscard]] std::optional<std::int64_t> integer() const;
    [[nodiscard]] std::optional<std::string_view> string() const;

    // Raw bytes of this value, delimiters included: what hashes are taken over.
    [[nodiscard]] ByteView raw() const;
    // Byte offset of the value in the input.
    [[nodiscard]] std::uint64_t offset() const;

    // Elements of a list or key/value pairs of a dict; 0 for other types.
    [[nodiscard]] std::uint32_t size() const;

    // Iteration: first_child() then next_sibling(). In a dict children alternate key, value.
    [[nodiscard]] std::optional<BencodeNode> first_child() const;
    [[nodiscard]] std::optional<BencodeNode> next_sibling() const;

    // Value of a dict's key; nothing when absent or when this is no dict. Cost: O(keys of this dict).
    [[nodiscard]] std::optional<BencodeNode> find(std::string_view key) const;
    // The same, if it also is of the type.
    [[nodiscard]] std::optional<std::int64_t> find_integer(std::string_view key) const;
    [[nodiscard]] std::optional<std::string_view> find_string(std::string_view key) const;

  private:
    friend class BencodeDocument;
    BencodeNode(const BencodeDocument* document, std::uint32_t token) : document_(document), token_(token) {}
    const BencodeDocument* document_;
    std::uint32_t token_;
};

class BencodeDocument {
  public:
    // Error: InvalidBencode, fault Remote, with offset.
    [[nodiscard]] static Result<BencodeDocument> parse(ByteView bytes, const BencodeLimits& limits = {});

    [[nodiscard]] BencodeNode root() const { return {this, 0}; }
    [[nodiscard]] std::size_t size() const;      // bytes the value took
    [[nodiscard]] bool is_canonical() const;     // every dict sorted by raw key, without duplicates

  private:
    friend class BencodeNode;
    friend class BencodeParser;
    // 24 bytes: the token limit bounds what a hostile input makes us hold (72 MB).
    struct Token {
        std::int64_t number = 0;   // integers: value; strings: length; lists: elements; dicts: pairs
        std::uint32_t begin = 0;   // offset of the first byte
        std::uint32_t end = 0;     // behind the last byte
        std::uint32_t next = 0;    // index of the token behind this value (skips children)
        BencodeNode::Type type = BencodeNode::Type::Integer;
    };
    ByteView bytes_;
    std::vector<Token> tokens_;
    bool canonical_ = true;
};

// Canonical output: the caller adds dict keys in sorted order (checked: BT_CHECK).
class BencodeWriter {
  public:
    BencodeWriter& integer(std::int64_t value);
    BencodeWriter& string(std::string_view value);
    BencodeWriter& string(ByteView value) { return string(as_text(value)); }
    BencodeWriter& raw(ByteView encoded);  // a value that is bencoded already
    BencodeWriter& begin_list();
    BencodeWriter& begin_dict();
    BencodeWriter& key(std::string_view key);
    BencodeWriter& end();

    // The bytes; every begin must have had its end.
    [[nodiscard]] ByteBuffer take();

  private:
    struct Open {
        bool is_dict = false;
        bool wants_value = false;
        std::optional<std::string> last_key;
    };
    void before_value();
    void append_string(std::string_view value);

    ByteBuffer out_;
    std::vector<Open> open_;
};

}  // namespace bt::meta
