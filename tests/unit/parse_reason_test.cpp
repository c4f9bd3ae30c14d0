#include "proxy/parse_reason.h"

#include <gtest/gtest.h>

namespace portcullis::proxy {
namespace {

using http::h1::ParseError;

// The errors for clients of the gateway, and for clients of its small server.
TEST(ReasonOfBadRequest, HasTheStatusOfTheError) {
  for (auto error = static_cast<uint8_t>(ParseError::kBareCarriageReturn);
       error <= static_cast<uint8_t>(ParseError::kTrailersTooLarge); ++error) {
    const auto one = static_cast<ParseError>(error);
    EXPECT_EQ(reason_of_bad_request(one).status, status_for(one)) << int{error};
  }
}

TEST(ReasonOfBadResponse, IsTheTargets) {
  for (auto error = static_cast<uint8_t>(ParseError::kNone);
       error <= static_cast<uint8_t>(ParseError::kTrailersTooLarge); ++error) {
    const telemetry::EndReason& reason = reason_of_bad_response(static_cast<ParseError>(error));
    EXPECT_EQ(reason.ended_by, telemetry::EndedBy::kTarget) << int{error};
    EXPECT_EQ(reason.status, 502) << int{error};
  }
}

}  // namespace
}  // namespace portcullis::proxy
