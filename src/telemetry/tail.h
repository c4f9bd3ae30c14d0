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

// Selects the requests that a live tail shows: those that match all members. An empty member matches every
// request.
struct TailFilter {
  uint8_t classes = 0;  // one bit for each first digit of a status; bit 0: no response was sent
  std::vector<uint16_t> statuses{};
  std::string route{}, upstream{}, target{}, consumer{}, client{}, reason{}, policy{}, request_id{};
  std::string path{};  // matches a part of the path

  // Parses the query of a request to the admin listener: `status=4xx,503,none&route=NAME&...`. Parameters
  // have the names of the members; unknown parameters are errors.
  static Result<TailFilter> parse(std::string_view query);
  bool fits(const AccessEntry& entry) const;

 private:
  bool add_status(std::string_view text);
};

// The stories of one worker for one live tail.
struct TailPiece {
  uint64_t id = 0;  // the live tail's id
  std::vector<Story> stories{};
  uint64_t left_out = 0;  // matching requests that did not fit
};

// The open live tails of one worker. Keeps matching requests until take(), up to a limit for each tail. That
// worker's thread.
class Tails {
 public:
  void open(uint64_t id, std::shared_ptr<const TailFilter> filter);
  void close(uint64_t id);
  bool any() const { return !tails_.empty(); }
  void note(const LogFormat& format, const AccessEntry& entry);
  // Removes and returns all stories; tails without new stories are omitted.
  std::vector<TailPiece> take();

  static constexpr size_t kStories = 200;  // for each tail, between two calls of take()

 private:
  struct Tail {
    std::shared_ptr<const TailFilter> filter;
    TailPiece piece;
  };
  std::vector<Tail> tails_;
};

}  // namespace portcullis::telemetry
