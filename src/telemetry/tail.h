#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "telemetry/story.h"

namespace portcullis::telemetry {

// Which requests a live tail shows: those that fit all members. An empty member fits every request.
struct TailFilter {
  uint8_t classes = 0;  // a bit for each first digit of a status; bit 0: no answer was sent
  std::vector<uint16_t> statuses{};
  std::string route{}, upstream{}, target{}, consumer{}, client{}, reason{}, policy{}, request_id{};
  std::string path{};  // a part of the path

  // Reads the query of a request to the admin listener: `status=4xx,503,none&route=NAME&...`. The parameters
  // are named as the members; unknown ones are an error.
  static Result<TailFilter> parse(std::string_view query);
  bool fits(const AccessEntry& entry) const;

 private:
  bool add_status(std::string_view text);
};

// What one worker has for one live tail.
struct TailPiece {
  uint64_t id = 0;  // the tail's
  std::vector<Story> stories{};
  uint64_t left_out = 0;  // requests that fit, but for which there was no room
};

// The live tails that are open, as one worker sees them. It keeps what fits until it is taken; what it writes
// between two takes is bounded for each tail. That worker's thread.
class Tails {
 public:
  void open(uint64_t id, std::shared_ptr<const TailFilter> filter);
  void close(uint64_t id);
  bool any() const { return !tails_.empty(); }
  void note(const LogFormat& format, const AccessEntry& entry);
  // All there is, once; tails without anything new are left out.
  std::vector<TailPiece> take();

  static constexpr size_t kStories = 200;  // for each tail, between two takes

 private:
  struct Tail {
    std::shared_ptr<const TailFilter> filter;
    TailPiece piece;
  };
  std::vector<Tail> tails_;
};

}  // namespace portcullis::telemetry
