#pragma once

// JSON, written from front to back: commas and escapes are its business, the nesting is the caller's.
// Strings are escaped, bytes that are not UTF-8 become U+FFFD; '<', '>' and '&' too are escaped (\u003c), so that the
// text may stand in a page.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace bt::telemetry {

class JsonWriter {
  public:
    JsonWriter& begin_object() { return open('{'); }
    JsonWriter& end_object() { return close('}'); }
    JsonWriter& begin_array() { return open('['); }
    JsonWriter& end_array() { return close(']'); }

    JsonWriter& key(std::string_view name);
    JsonWriter& string(std::string_view text);
    template <std::integral T>
    JsonWriter& number(T value) {
        separate();
        out_ += std::to_string(value);
        return *this;
    }
    JsonWriter& number(double value);  // three digits behind the point
    JsonWriter& boolean(bool value);
    JsonWriter& null();

    JsonWriter& field(std::string_view name, std::string_view text) { return key(name).string(text); }
    JsonWriter& field(std::string_view name, const char* text) { return key(name).string(text); }
    JsonWriter& field(std::string_view name, const std::string& text) { return key(name).string(text); }
    JsonWriter& field(std::string_view name, bool value) { return key(name).boolean(value); }
    JsonWriter& field(std::string_view name, double value) { return key(name).number(value); }
    template <std::integral T>
    JsonWriter& field(std::string_view name, T value) {
        return key(name).number(value);
    }

    [[nodiscard]] const std::string& text() const { return out_; }

  private:
    JsonWriter& open(char bracket);
    JsonWriter& close(char bracket);
    void separate();

    std::string out_;
    bool needs_comma_ = false;
};

}  // namespace bt::telemetry
