#include "tracker/proxy_stream.h"

#include <utility>

#include "common/http/proxy_header.h"

namespace bt::tracker {

ProxyStream::ProxyStream(std::unique_ptr<env::Stream> inner)
    : inner_(std::move(inner)), source_(inner_->remote_endpoint()) {
    inner_->set_handler(this);
}

void ProxyStream::on_received(MutableByteView bytes) {
    if (is_open_) return handler_->on_received(bytes);
    if (has_failed_) return;
    append(header_, bytes);
    const auto header = http::parse_proxy_header(header_);
    if (!header) {
        has_failed_ = true;
        inner_->pause_reading();
        return handler_->on_closed(header.error());
    }
    if (!*header) return;
    is_open_ = true;
    source_ = (*header)->source.value_or(source_);
    // The handler may destroy this.
    ByteBuffer own = std::exchange(header_, {});
    const MutableByteView rest = MutableByteView(own).subspan((*header)->size);
    if (!rest.empty()) handler_->on_received(rest);
}

}  // namespace bt::tracker
