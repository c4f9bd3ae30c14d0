#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../support/run_task.h"
#include "body_pieces.h"
#include "http/read_body.h"
#include "http/text_body.h"
#include "policy/convert_stage.h"

namespace portcullis::proxy {
namespace {

using http::BodyFailure;
using http::BodyPart;
using http::BodySource;
using http::Pieces;
using policy::BodyConverter;

// Brackets each piece of the body, at once or after some work; makes its result in steps of two bytes.
class Brackets final : public BodyConverter {
 public:
  enum class Style : uint8_t { kAtOnce, kApart, kInSteps, kFails };
  Brackets(EventLoop& loop, std::string_view pair, Style style) : loop_(loop), pair_(pair), style_(style) {}

  Step convert(std::string_view data, std::string& out) override { return make(bracketed(data), out); }
  Step more(std::string& out) override { return give(out); }
  Step finish(std::string_view, std::string& out) override { return make(".", out); }
  Task<Step> proceed(std::string& out) override {
    co_await next_round(loop_);
    out += std::exchange(made_, {});
    co_return Step::kDone;
  }
  bool keeps_trailers() const override { return true; }

 private:
  std::string bracketed(std::string_view data) const {
    return pair_.substr(0, 1) + std::string(data) + pair_.substr(1);
  }
  Step make(std::string text, std::string& out) {
    if (style_ == Style::kFails) return Step::kFailed;
    made_ += text;
    return style_ == Style::kApart ? Step::kLater : give(out);
  }
  Step give(std::string& out) {
    const size_t part = style_ == Style::kInSteps ? 2 : made_.size();
    out += made_.substr(0, part);
    made_.erase(0, part);
    return made_.empty() ? Step::kDone : Step::kMore;
  }

  EventLoop& loop_;
  std::string pair_;
  Style style_;
  std::string made_;
};

using Style = Brackets::Style;

class BodyPipelineTest : public ::testing::Test {
 protected:
  std::unique_ptr<Pieces> pieces(std::vector<std::string> all) {
    return std::make_unique<Pieces>(loop, std::move(all));
  }
  // `from` through Brackets.
  std::unique_ptr<BodySource> through(std::unique_ptr<BodySource> from, std::string_view pair, Style style) {
    return std::make_unique<policy::ConvertStage>(std::move(from),
                                                  std::make_unique<Brackets>(loop, pair, style), loop);
  }
  // What the source gives. It is asked twice before each wait, which must change nothing.
  std::string all_of(BodySource& source) {
    std::string out;
    struct Reader {
      static Task<void> read(BodySource& source, std::string& out, std::string& trailers, bool& failed) {
        for (;;) {
          BodyPart part;
          BodySource::State state = source.next(part);
          if (state == BodySource::State::kWait) {
            part.clear();
            state = source.next(part);
          }
          if (state == BodySource::State::kWait) {
            Task<void> waiting = source.wait();
            co_await waiting;
            continue;
          }
          failed = state == BodySource::State::kFailed;
          if (failed) co_return;
          for (const iovec& run : part.runs.pieces()) out += http::text_of(run);
          if (part.last) {
            trailers = part.trailers;
            co_return;
          }
        }
      }
    };
    TaskGroup running;
    running.spawn(Reader::read(source, out, trailers, failed));
    for (int i = 0; i < 1'000 && !running.empty(); ++i) loop.run_once(Milliseconds(0));
    EXPECT_TRUE(running.empty());
    return out;
  }

  EventLoop loop;
  std::string trailers;
  bool failed = false;
};

TEST_F(BodyPipelineTest, APartIsGivenOnce) {
  const auto source = pieces({"ab", "cde", "f"});
  EXPECT_EQ(all_of(*source), "abcdef");
  EXPECT_EQ(trailers, "x-sum: 1\r\n");
}

TEST_F(BodyPipelineTest, AStageConvertsEachPiece) {
  for (const Style style : {Style::kAtOnce, Style::kApart, Style::kInSteps}) {
    const auto source = through(pieces({"ab", "cde", "f"}), "()", style);
    EXPECT_EQ(all_of(*source), "(ab)(cde)(f).");
    EXPECT_EQ(trailers, "x-sum: 1\r\n");
  }
}

TEST_F(BodyPipelineTest, StagesBehindEachOtherConvertInOrder) {
  for (const Style first : {Style::kAtOnce, Style::kApart, Style::kInSteps}) {
    for (const Style second : {Style::kAtOnce, Style::kApart, Style::kInSteps}) {
      const auto source = through(through(pieces({"ab", "cde"}), "()", first), "[]", second);
      std::string out = all_of(*source);
      std::erase_if(out, [](char c) { return c == '[' || c == ']'; });
      EXPECT_EQ(out, "(ab)(cde)..") << static_cast<int>(first) << static_cast<int>(second);
    }
  }
}

TEST_F(BodyPipelineTest, AFailureComesBehindWhatWasMade) {
  const auto source =
      through(std::make_unique<Pieces>(loop, std::vector<std::string>{"ab"}, BodyFailure::Kind::kClosed),
              "()", Style::kApart);
  EXPECT_EQ(all_of(*source), "(ab)");
  EXPECT_TRUE(failed);
  EXPECT_EQ(source->failure().kind, BodyFailure::Kind::kClosed);
}

TEST_F(BodyPipelineTest, AConverterThatFailsGivesItsReason) {
  const auto source = through(pieces({"ab", "cd"}), "()", Style::kFails);
  EXPECT_EQ(all_of(*source), "");
  EXPECT_TRUE(failed);
  EXPECT_EQ(source->failure().kind, BodyFailure::Kind::kMalformed);
  EXPECT_EQ(source->failure().reason, &policy::kEnds.upstream_malformed);
}

TEST_F(BodyPipelineTest, ATextComesBeforeTheRest) {
  http::TextStage follows(pieces({"cd", "e"}), "ab", http::TextStage::Rest::kFollows);
  EXPECT_TRUE(follows.holds_head());
  EXPECT_EQ(all_of(follows), "abcde");
  http::TextStage alone(pieces({"cd", "e"}), "ab", http::TextStage::Rest::kNothing);
  EXPECT_EQ(all_of(alone), "ab");
}

TEST_F(BodyPipelineTest, CollectingStopsAtTheFirstBytesWhenAsked) {
  const auto source = pieces({"", "ab", "cd"});
  std::string out;
  bool ended = true;
  Task<bool> collecting = http::collect_body(*source, out, http::ReadUntil::kSomething, ended);
  EXPECT_TRUE(tests::run_to_end(loop, std::move(collecting)));
  EXPECT_EQ(out, "ab");
  EXPECT_FALSE(ended);
  EXPECT_EQ(all_of(*source), "cd");
}

}  // namespace
}  // namespace portcullis::proxy
