#include "common/meta/bencode.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "common/base/check.h"

namespace bt::meta {
namespace {

bool is_digit(Byte c) { return c >= '0' && c <= '9'; }

}  // namespace

// One pass over the bytes; what is open is kept in a vector, so that depth costs no stack.
class BencodeParser {
  public:
    BencodeParser(ByteView bytes, const BencodeLimits& limits) : limits_(limits) { document_.bytes_ = bytes; }

    Result<BencodeDocument> run() {
        if (bytes().size() > std::numeric_limits<std::uint32_t>::max())
            return fail(error("bencode: input of 4 GiB or more", 0));
        // A value takes two bytes or more, so that this is enough; the part that is not used is never touched.
        document_.tokens_.reserve(std::min<std::size_t>(limits_.max_tokens, bytes().size() / 2 + 1));
        do {
            BT_TRY(step());
        } while (!open_.empty());
        if (!limits_.allow_trailing && position_ != bytes().size()) {
            const std::size_t left = bytes().size() - position_;
            return fail(error("bencode: " + std::to_string(left) + " bytes behind the value", position_));
        }
        return std::move(document_);
    }

  private:
    using Type = BencodeNode::Type;

    struct Open {
        std::uint32_t token = 0;
        bool is_dict = false;
        bool wants_value = false;  // a key was read
        bool has_key = false;
        std::string_view last_key;
    };

    ByteView bytes() const { return document_.bytes_; }

    static Error error(std::string detail, std::size_t offset) {
        return remote_error(ErrorCode::InvalidBencode, std::move(detail), offset);
    }

    // One value's begin, or one container's end.
    Status step() {
        if (position_ == bytes().size())
            return fail(
                error(position_ == 0 ? "bencode: empty input" : "bencode: input ends inside a value", position_));
        const Byte c = bytes()[position_];
        if (c == 'e' && !open_.empty()) return close();
        const std::size_t begin = position_;
        if (!open_.empty() && open_.back().is_dict && !open_.back().wants_value) {
            if (!is_digit(c)) return fail(error("bencode: dictionary key is not a string", begin));
            BT_TRY(string());
            on_key();
            return {};
        }
        if (!open_.empty()) on_value();
        if (is_digit(c)) return string();
        if (c == 'i') return integer();
        if (c == 'l' || c == 'd') return open(c == 'd');
        return fail(error("bencode: no value starts with this byte", begin));
    }

    Status add(Type type, std::size_t begin, std::int64_t number) {
        auto& tokens = document_.tokens_;
        if (tokens.size() >= limits_.max_tokens)
            return fail(error("bencode: more than " + std::to_string(limits_.max_tokens) + " values", begin));
        BencodeDocument::Token token;
        token.begin = static_cast<std::uint32_t>(begin);
        token.end = static_cast<std::uint32_t>(position_);
        token.number = number;
        token.type = type;
        tokens.push_back(token);
        tokens.back().next = static_cast<std::uint32_t>(tokens.size());
        return {};
    }

    Status open(bool is_dict) {
        if (open_.size() >= limits_.max_depth)
            return fail(error("bencode: nested deeper than " + std::to_string(limits_.max_depth), position_));
        const std::size_t begin = position_++;
        BT_TRY(add(is_dict ? Type::Dict : Type::List, begin, 0));
        Open entry;
        entry.token = static_cast<std::uint32_t>(document_.tokens_.size() - 1);
        entry.is_dict = is_dict;
        open_.push_back(entry);
        return {};
    }

    Status close() {
        if (open_.back().wants_value) return fail(error("bencode: dictionary key without a value", position_));
        ++position_;
        auto& token = document_.tokens_[open_.back().token];
        token.end = static_cast<std::uint32_t>(position_);
        token.next = static_cast<std::uint32_t>(document_.tokens_.size());
        open_.pop_back();
        return {};
    }

    // A value of the innermost container begins.
    void on_value() {
        ++document_.tokens_[open_.back().token].number;
        open_.back().wants_value = false;
    }

    void on_key() {
        const auto& token = document_.tokens_.back();
        const auto length = static_cast<std::size_t>(token.number);
        const std::string_view key = as_text(bytes().subspan(token.end - length, length));
        Open& dict = open_.back();
        if (dict.has_key && key <= dict.last_key) document_.canonical_ = false;
        dict.last_key = key;
        dict.has_key = true;
        dict.wants_value = true;
    }

    Status string() {
        const std::size_t begin = position_;
        std::uint64_t length = 0;
        while (position_ < bytes().size() && is_digit(bytes()[position_])) {
            length = length * 10 + (bytes()[position_] - Byte{'0'});
            ++position_;
            if (length > std::numeric_limits<std::uint32_t>::max())
                return fail(error("bencode: string claims 4 GiB or more", begin));
        }
        if (position_ == bytes().size()) return fail(error("bencode: input ends inside a string's length", position_));
        if (bytes()[position_] != ':') return fail(error("bencode: no ':' behind a string's length", position_));
        if (bytes()[begin] == '0' && position_ - begin > 1)
            return fail(error("bencode: string length with a leading zero", begin));
        ++position_;
        const std::size_t left = bytes().size() - position_;
        if (length > left) {
            return fail(error(
                "bencode: string claims " + std::to_string(length) + " bytes, " + std::to_string(left) + " are left",
                begin));
        }
        position_ += static_cast<std::size_t>(length);
        return add(Type::String, begin, static_cast<std::int64_t>(length));
    }

    Status integer() {
        const std::size_t begin = position_++;
        const std::size_t first = position_;
        while (position_ < bytes().size() && bytes()[position_] != 'e') {
            const Byte c = bytes()[position_];
            if (!is_digit(c) && !(c == '-' && position_ == first))
                return fail(error("bencode: integer with a byte that is no digit", position_));
            ++position_;
        }
        if (position_ == bytes().size()) return fail(error("bencode: integer without its end", begin));
        const std::string_view text = as_text(bytes().subspan(first, position_ - first));
        const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
        if (digits.empty()) return fail(error("bencode: integer without digits", begin));
        if (digits[0] == '0' && text.size() > 1)
            return fail(error("bencode: integer with a leading zero or -0", begin));
        std::int64_t value = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
        if (parsed.ec != std::errc{}) return fail(error("bencode: integer exceeds 64 bits", begin));
        ++position_;
        return add(Type::Integer, begin, value);
    }

    BencodeLimits limits_;
    BencodeDocument document_;
    std::vector<Open> open_;
    std::size_t position_ = 0;
};

Result<BencodeDocument> BencodeDocument::parse(ByteView bytes, const BencodeLimits& limits) {
    return BencodeParser(bytes, limits).run();
}

std::size_t BencodeDocument::size() const { return tokens_.front().end; }
bool BencodeDocument::is_canonical() const { return canonical_; }

BencodeNode::Type BencodeNode::type() const { return document_->tokens_[token_].type; }

std::optional<std::int64_t> BencodeNode::integer() const {
    if (!is_integer()) return std::nullopt;
    return document_->tokens_[token_].number;
}

std::optional<std::string_view> BencodeNode::string() const {
    if (!is_string()) return std::nullopt;
    const auto& token = document_->tokens_[token_];
    const auto length = static_cast<std::size_t>(token.number);
    return as_text(document_->bytes_.subspan(token.end - length, length));
}

ByteView BencodeNode::raw() const {
    const auto& token = document_->tokens_[token_];
    return document_->bytes_.subspan(token.begin, token.end - token.begin);
}

std::uint64_t BencodeNode::offset() const { return document_->tokens_[token_].begin; }

std::uint32_t BencodeNode::size() const {
    if (!is_list() && !is_dict()) return 0;
    return static_cast<std::uint32_t>(document_->tokens_[token_].number);
}

std::optional<BencodeNode> BencodeNode::first_child() const {
    if (size() == 0) return std::nullopt;
    return BencodeNode(document_, token_ + 1);
}

std::optional<BencodeNode> BencodeNode::next_sibling() const {
    // Behind the last child stands its parent's 'e', with which no value begins; the root has no sibling.
    const auto& token = document_->tokens_[token_];
    if (token_ == 0 || document_->bytes_[token.end] == 'e') return std::nullopt;
    return BencodeNode(document_, token.next);
}

std::optional<BencodeNode> BencodeNode::find(std::string_view key) const {
    if (!is_dict()) return std::nullopt;
    for (auto child = first_child(); child;) {
        const auto value = child->next_sibling();
        if (child->string() == key) return value;
        child = value->next_sibling();
    }
    return std::nullopt;
}

std::optional<std::int64_t> BencodeNode::find_integer(std::string_view key) const {
    const auto node = find(key);
    return node ? node->integer() : std::nullopt;
}

std::optional<std::string_view> BencodeNode::find_string(std::string_view key) const {
    const auto node = find(key);
    return node ? node->string() : std::nullopt;
}

BencodeWriter& BencodeWriter::integer(std::int64_t value) {
    char text[24];
    const auto result = std::to_chars(text, text + sizeof text, value);
    before_value();
    out_.push_back('i');
    append(out_, std::string_view(text, static_cast<std::size_t>(result.ptr - text)));
    out_.push_back('e');
    return *this;
}

BencodeWriter& BencodeWriter::string(std::string_view value) {
    before_value();
    append_string(value);
    return *this;
}

BencodeWriter& BencodeWriter::raw(ByteView encoded) {
    before_value();
    append(out_, encoded);
    return *this;
}

BencodeWriter& BencodeWriter::begin_list() {
    before_value();
    out_.push_back('l');
    open_.push_back({});
    return *this;
}

BencodeWriter& BencodeWriter::begin_dict() {
    before_value();
    out_.push_back('d');
    Open dict;
    dict.is_dict = true;
    open_.push_back(std::move(dict));
    return *this;
}

BencodeWriter& BencodeWriter::key(std::string_view key) {
    BT_CHECK(!open_.empty() && open_.back().is_dict && !open_.back().wants_value);
    BT_CHECK(!open_.back().last_key || *open_.back().last_key < key);
    append_string(key);
    open_.back().last_key = std::string(key);
    open_.back().wants_value = true;
    return *this;
}

BencodeWriter& BencodeWriter::end() {
    BT_CHECK(!open_.empty() && !open_.back().wants_value);
    out_.push_back('e');
    open_.pop_back();
    return *this;
}

ByteBuffer BencodeWriter::take() {
    BT_CHECK(open_.empty());
    return std::exchange(out_, {});
}

void BencodeWriter::before_value() {
    if (open_.empty()) {
        BT_CHECK(out_.empty());
        return;
    }
    BT_CHECK(open_.back().wants_value == open_.back().is_dict);
    open_.back().wants_value = false;
}

void BencodeWriter::append_string(std::string_view value) {
    append(out_, std::to_string(value.size()));
    out_.push_back(':');
    append(out_, value);
}

}  // namespace bt::meta
