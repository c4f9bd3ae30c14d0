#include "telemetry/tail.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "http/query.h"

namespace portcullis::telemetry {

bool TailFilter::add_status(std::string_view text) {
  static constexpr size_t kMaxStatuses = 32;
  if (text == "none") {
    classes |= 1;
    return true;
  }
  if (text.size() != 3 || text[0] < '1' || text[0] > '5') return false;
  if (text.substr(1) == "xx") {
    classes = static_cast<uint8_t>(classes | 1u << (text[0] - '0'));
    return true;
  }
  uint16_t status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (error != std::errc() || end != text.data() + text.size() || statuses.size() == kMaxStatuses)
    return false;
  statuses.push_back(status);
  return true;
}

Result<TailFilter> TailFilter::parse(std::string_view query) {
  static constexpr std::pair<std::string_view, std::string TailFilter::*> kTexts[] = {
      {"route", &TailFilter::route},   {"upstream", &TailFilter::upstream},
      {"target", &TailFilter::target}, {"consumer", &TailFilter::consumer},
      {"client", &TailFilter::client}, {"reason", &TailFilter::reason},
      {"policy", &TailFilter::policy}, {"request_id", &TailFilter::request_id},
      {"path", &TailFilter::path}};
  TailFilter out;
  std::string problem;
  http::for_each_query_parameter(query, [&](std::string_view name, std::string_view value, std::string_view) {
    const std::string key = http::decode_query_text(name), text = http::decode_query_text(value);
    if (key == "status") {
      std::string_view rest = text;
      while (!rest.empty() && problem.empty()) {
        const size_t end = std::min(rest.find(','), rest.size());
        const std::string_view one = trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (!one.empty() && !out.add_status(one))
          problem = "`" + std::string(one) + "` is not a status: write 4xx, 503 or none";
      }
      return problem.empty();
    }
    const auto found = std::find_if(std::begin(kTexts), std::end(kTexts),
                                    [&key](const auto& one) { return one.first == key; });
    if (found != std::end(kTexts)) {
      out.*found->second = text;
    } else {
      problem = "there is no filter `" + key +
                "`: status, route, upstream, target, consumer, client, reason, policy, request_id and path";
    }
    return problem.empty();
  });
  if (!problem.empty()) return Error{problem};
  return out;
}

bool TailFilter::fits(const AccessEntry& entry) const {
  if (classes != 0 || !statuses.empty()) {
    // Statuses of 600 and more count as 5xx, as in the metrics.
    const unsigned digit = std::min(entry.status / 100u, 5u);
    if ((classes >> digit & 1) == 0 &&
        std::find(statuses.begin(), statuses.end(), entry.status) == statuses.end())
      return false;
  }
  const auto is = [](const std::string& wanted, std::string_view has) {
    return wanted.empty() || wanted == has;
  };
  return is(route, entry.route) && is(upstream, entry.upstream) && is(target, entry.target) &&
         is(consumer, entry.consumer) && is(client, entry.client) && is(reason, entry.ended->name) &&
         is(policy, entry.policy) && is(request_id, entry.request_id) &&
         (path.empty() || entry.path.find(path) != std::string_view::npos);
}

void Tails::open(uint64_t id, std::shared_ptr<const TailFilter> filter) {
  tails_.push_back({std::move(filter), {.id = id}});
}

void Tails::close(uint64_t id) {
  std::erase_if(tails_, [id](const Tail& one) { return one.piece.id == id; });
}

void Tails::note(const LogFormat& format, const AccessEntry& entry) {
  for (Tail& tail : tails_) {
    if (!tail.filter->fits(entry)) continue;
    if (tail.piece.stories.size() == kStories) {
      ++tail.piece.left_out;
    } else {
      tell_story(format, entry, tail.piece.stories.emplace_back());
    }
  }
}

std::vector<TailPiece> Tails::take() {
  std::vector<TailPiece> out;
  for (Tail& tail : tails_) {
    const uint64_t id = tail.piece.id;
    if (tail.piece.stories.empty()) continue;
    out.push_back(std::exchange(tail.piece, {.id = id}));
  }
  return out;
}

}  // namespace portcullis::telemetry
