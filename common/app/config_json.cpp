#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/app/config_parse.h"

namespace bt::app {
namespace {

// Feeds the parser and lets the builder see how far it has read: nlohmann's values have no positions.
class CountingIterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, std::size_t* consumed) : at_(at), consumed_(consumed) {}
    reference operator*() const { return *at_; }
    CountingIterator& operator++() {
        ++at_;
        ++*consumed_;
        return *this;
    }
    CountingIterator operator++(int) {
        CountingIterator before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

  private:
    const char* at_;
    std::size_t* consumed_;
};

// SAX handler that builds the tree with a stack of its own. Every callback comes when the last character read is the
// last of the token, or the one behind it (numbers).
class TreeBuilder {
  public:
    using number_integer_t = std::int64_t;
    using number_unsigned_t = std::uint64_t;
    using number_float_t = double;
    using string_t = std::string;
    using binary_t = std::vector<std::uint8_t>;

    TreeBuilder(std::string_view text, const std::size_t* consumed, const std::string& file_name)
        : text_(text), consumed_(consumed), file_name_(file_name) {}

    bool null() { return place(ConfigNode::Null{}); }
    bool boolean(bool value) { return place(value); }
    bool number_integer(std::int64_t value) { return place(value); }
    bool number_unsigned(std::uint64_t value) {
        if (value > INT64_MAX) return refuse("number " + std::to_string(value) + " is too large");
        return place(static_cast<std::int64_t>(value));
    }
    bool number_float(double value, const std::string&) { return place(value); }
    bool string(std::string& value) { return place(std::move(value)); }
    bool binary(binary_t&) { return refuse("binary value"); }
    bool start_object(std::size_t) { return open(ConfigNode::Table{}); }
    bool start_array(std::size_t) { return open(ConfigNode::List{}); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(std::string& name) {
        Open& top = stack_.back();
        if (top.node.find(name) != nullptr) return refuse("key " + name + " stands here a second time");
        top.key = std::move(name);
        top.key_line = line();
        return true;
    }

    bool parse_error(std::size_t, const std::string& token, const nlohmann::json::exception&) {
        // The token has quotes, control characters as <U+XXXX> and, for an unfinished string, the rest of the file.
        constexpr std::size_t kShown = 40;
        if (token.empty()) return refuse("not JSON: the file ends in the middle of a value");
        return refuse("not JSON at " + (token.size() > kShown ? token.substr(0, kShown) + "…" : token));
    }

    Error& error() { return error_; }
    ConfigNode& root() { return root_; }

  private:
    struct Open {
        ConfigNode node;
        std::string key;
        std::uint32_t key_line = 1;
    };

    std::uint32_t line() {
        const std::size_t end = *consumed_ == 0 ? 0 : *consumed_ - 1;
        lines_seen_ += static_cast<std::uint32_t>(
            std::count(text_.begin() + static_cast<std::ptrdiff_t>(counted_),
                       text_.begin() + static_cast<std::ptrdiff_t>(std::max(end, counted_)), '\n'));
        counted_ = std::max(end, counted_);
        return lines_seen_;
    }

    bool refuse(std::string what) {
        error_ = config_error(file_name_, line(), what);
        return false;
    }

    bool open(ConfigNode::Value value) {
        if (stack_.size() >= kMaxConfigDepth) return refuse("nested too deeply");
        stack_.push_back({make(std::move(value)), {}, 1});
        return true;
    }

    bool close() {
        ConfigNode node = std::move(stack_.back().node);
        stack_.pop_back();
        add(std::move(node));
        return true;
    }

    bool place(ConfigNode::Value value) {
        add(make(std::move(value)));
        return true;
    }

    ConfigNode make(ConfigNode::Value value) {
        ConfigNode node;
        node.value = std::move(value);
        node.line = node.key_line = line();
        return node;
    }

    void add(ConfigNode node) {
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& top = stack_.back();
        if (auto* list = std::get_if<ConfigNode::List>(&top.node.value)) {
            list->push_back(std::move(node));
        } else {
            node.key_line = top.key_line;
            std::get<ConfigNode::Table>(top.node.value).emplace_back(std::move(top.key), std::move(node));
        }
    }

    std::string_view text_;
    const std::size_t* consumed_;
    const std::string& file_name_;
    std::size_t counted_ = 0;  // bytes whose newlines are in lines_seen_
    std::uint32_t lines_seen_ = 1;
    std::vector<Open> stack_;
    ConfigNode root_;
    Error error_;
};

}  // namespace

Result<ConfigNode> parse_json(std::string_view text, const std::string& file_name) {
    std::size_t consumed = 0;
    TreeBuilder builder(text, &consumed, file_name);
    const CountingIterator begin(text.data(), &consumed);
    const CountingIterator end(text.data() + text.size(), &consumed);
    if (!nlohmann::json::sax_parse(begin, end, &builder)) return fail(std::move(builder.error()));
    if (!std::holds_alternative<ConfigNode::Table>(builder.root().value)) {
        return fail(config_error(file_name, 1, "the file must be one JSON object, { … }"));
    }
    return std::move(builder.root());
}

}  // namespace bt::app
