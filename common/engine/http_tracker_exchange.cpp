#include "common/engine/http_tracker_exchange.h"

#include "common/env/secure_stream.h"
#include "common/engine/tls_provider.h"

namespace bt::engine {
namespace {

Result<std::string> request_url(const std::string& announce_url, const TrackerQuestion& question) {
    if (const auto* announce = std::get_if<wire::AnnounceRequest>(&question)) {
        const bool has_query = announce_url.find('?') != std::string::npos;
        return announce_url + (has_query ? "&" : "?") + wire::to_query(*announce);
    }
    auto url = wire::scrape_request_url(announce_url, std::get<ScrapeQuestion>(question).info_hashes);
    if (!url) return fail(local_error(ErrorCode::InvalidTracker, "this tracker's URL has no scrape form (BEP 48)"));
    return std::move(*url);
}

}  // namespace

HttpTrackerExchange::HttpTrackerExchange(const TrackerContext& context, const TrackerRoute& route,
                                         const std::string& announce_url, const TrackerQuestion& question,
                                         TimePoint deadline, TrackerAnswered done)
    : TrackerDial(context, route, deadline, std::move(done)),
      is_scrape_(std::holds_alternative<ScrapeQuestion>(question)) {
    const auto text = request_url(announce_url, question);
    const auto url = text ? http::Url::parse(*text) : Result<http::Url>(fail(text.error()));
    if (url) {
        go_to(*url);
    } else {
        refuse(url.error());
    }
}

void HttpTrackerExchange::go_to(const http::Url& url) {
    if (url.scheme != "http" && url.scheme != "https") {
        return refuse(remote_error(ErrorCode::InvalidTracker, "a redirect from HTTP to " + url.scheme));
    }
    if (url.scheme == "https" && !context().tls) {
        return refuse(local_error(ErrorCode::InvalidTracker, "https trackers are not spoken to"));
    }
    url_ = url;
    look_up(url_.host, url_.port);
}

void HttpTrackerExchange::try_address(const Endpoint& remote) {
    http_.emplace(url_, "Swarmlab/0.1");
    output_.clear();
    output_.append_bytes(http_->request_bytes());
    std::optional<Endpoint> source;
    if (route().source) source = Endpoint{*route().source, 0};
    connected_ = false;
    stream_ = context().env->connect(remote, source);
    if (url_.scheme == "https") {
        const auto tls = context().tls->context();
        if (!tls) {
            stream_.reset();
            return refuse(tls.error());
        }
        stream_ = std::make_unique<env::SecureStream>(std::move(stream_), **tls, url_.host);
    }
    stream_->set_handler(this);
}

void HttpTrackerExchange::on_connected() {
    connected_ = true;
    keep_address();
    stream_->send(output_);
}

void HttpTrackerExchange::on_writable() { stream_->send(output_); }

void HttpTrackerExchange::on_received(MutableByteView bytes) {
    if (const auto status = http_->receive(bytes); !status) return finish(fail(status.error()));
    if (const http::Response* response = http_->response()) on_response(*response);
}

void HttpTrackerExchange::on_closed(const Error& error) {
    if (!connected_) return leave_address(error);
    if (error.code != ErrorCode::EndOfStream) return finish(fail(error));
    if (const auto status = http_->on_end(); !status) return finish(fail(status.error()));
    if (const http::Response* response = http_->response()) on_response(*response);
}

void HttpTrackerExchange::on_response(const http::Response& response) {
    if (response.status >= 300 && response.status < 400 && !response.location.empty()) {
        return redirect(std::string(response.location));
    }
    if (response.status != 200) {
        return finish(fail(remote_error(ErrorCode::InvalidTracker, "HTTP status " + std::to_string(response.status))));
    }
    if (is_scrape_) {
        auto reply = wire::parse_scrape_reply(response.body);
        if (!reply) return finish(fail(reply.error()));
        return finish(TrackerAnswer(std::move(*reply)));
    }
    auto reply = wire::parse_announce_reply(response.body);
    if (!reply) return finish(fail(reply.error()));
    finish(TrackerAnswer(std::move(*reply)));
}

void HttpTrackerExchange::redirect(const std::string& location) {
    if (++redirects_ > kMaxRedirects) {
        return finish(fail(remote_error(ErrorCode::InvalidTracker, "more than 5 redirects")));
    }
    const auto target = url_.resolve(location);
    if (!target) return finish(fail(target.error()));
    stream_.reset();
    http_.reset();
    go_to(*target);
}

}  // namespace bt::engine
