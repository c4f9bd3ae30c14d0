#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "http/authority.h"
#include "http/field_names.h"
#include "http/hop_by_hop.h"
#include "http/message.h"
#include "http/trailers.h"

namespace portcullis::http {
namespace {

Fields fields(const std::vector<std::pair<std::string_view, std::string_view>>& pairs) {
  Fields out;
  for (const auto& [name, value] : pairs) out.add(name, value);
  return out;
}

std::string names(const Fields& fields) {
  std::string out;
  for (const Field& field : fields) (out += out.empty() ? "" : " ") += field.name;
  return out;
}

TEST(FieldNames, AreComparedInEverySpelling) {
  const FieldNames some({"x-real-ip", "X_Other"});
  for (const char* name : {"x-real-ip", "X-REAL-IP", "x_real-ip", "X_Real_IP", "x-other", "x_other"})
    EXPECT_TRUE(some.contains(name)) << name;
  for (const char* name : {"", "x-real-i", "x-real-ipp", "x.real.ip", "y-other"})
    EXPECT_FALSE(some.contains(name)) << name;
  EXPECT_FALSE(FieldNames().contains(""));
}

TEST(FieldNames, MayBeLong) {
  const std::string name(100, 'a');
  const FieldNames some({name});
  EXPECT_TRUE(some.contains(std::string(100, 'A')));
  EXPECT_FALSE(some.contains(std::string(101, 'a')));
  EXPECT_FALSE(some.contains(std::string(63, 'a')));
}

TEST(FieldId, TellsImitationsOfWhatTheGatewayWrites) {
  for (const char* name : {"x_forwarded_for", "X-Forwarded_Host", "X_FORWARDED-PROTO", "x_request_id"})
    EXPECT_EQ(identify_field(name), FieldId::kImitation) << name;
  EXPECT_EQ(identify_field("x_consumer_name"), FieldId::kXConsumer);
  EXPECT_EQ(identify_field("client_cert"), FieldId::kClientCert);
  EXPECT_EQ(identify_field("X_Mirrored"), FieldId::kXMirrored);
  EXPECT_EQ(identify_field("user_agent"), FieldId::kOther);
}

TEST(HopByHop, RemovesWhatConnectionNames) {
  Fields some = fields(
      {{"connection", "close, x-a"}, {"X-A", "1"}, {"x-b", "1"}, {"Connection", "X-B ,,"}, {"x-c", "1"}});
  remove_connection_options(some);
  EXPECT_EQ(names(some), "connection Connection x-c");
}

TEST(HopByHop, LeavesFramingAndForwardingAlone) {
  Fields some = fields(
      {{"connection", "host, content-length, te, upgrade, x-forwarded-for, forwarded, transfer-encoding"},
       {"host", "a"},
       {"content-length", "1"},
       {"te", "trailers"},
       {"upgrade", "websocket"},
       {"x-forwarded-for", "b"},
       {"forwarded", "c"},
       {"transfer-encoding", "chunked"}});
  const size_t before = some.size();
  remove_connection_options(some);
  EXPECT_EQ(some.size(), before);
}

TEST(Authority, HasOneHostInOneForm) {
  Arena arena;
  EXPECT_EQ(canonical_host("API.Test.", arena), "api.test");
  EXPECT_EQ(canonical_host("api.test", arena), "api.test");
  EXPECT_EQ(canonical_host("[::A]", arena), "[::a]");
  EXPECT_EQ(canonical_host("[0:0::1]", arena), "[::1]");
  EXPECT_EQ(canonical_host("[0000:0000:0000:0000:0000:ffff:192.000.002.009]", arena),
            "[0000:0000:0000:0000:0000:ffff:192.000.002.009]");  // not an address
  EXPECT_EQ(canonical_host(std::string("[2001:DB8::0:1]")), "[2001:db8::1]");
  EXPECT_EQ(canonical_host(std::string("*.Example.com")), "*.example.com");
  EXPECT_EQ(port_of("a:80", "http"), "");
  EXPECT_EQ(port_of("a:80", "https"), "80");
  EXPECT_EQ(port_of("a:443", "https"), "");
  EXPECT_EQ(port_of("a:", "http"), "");
  EXPECT_EQ(port_of("[::1]:81", "http"), "81");
  EXPECT_EQ(port_of("[::1]", "http"), "");
}

TEST(Authority, IsCompared) {
  EXPECT_TRUE(same_authority("A.", "a:80", "http"));
  EXPECT_TRUE(same_authority("a:443", "a", "https"));
  EXPECT_FALSE(same_authority("a:443", "a", "http"));
  EXPECT_FALSE(same_authority("a", "b", "http"));
  EXPECT_TRUE(same_authority("[0:0::1]:80", "[::1]", "http"));
  EXPECT_FALSE(same_authority("[::1]", "[::2]", "http"));
}

TEST(Authority, IsChecked) {
  for (const char* good : {"", "a", "a.", "a.b:80", "a:", "[::1]", "[::1]:8080", "1.2.3.4", "a_b~c"})
    EXPECT_TRUE(is_valid_authority(good)) << good;
  for (const char* bad : {".", ".a", "a..b", "a..", "a%2eb", "u@h", "a/b", "a,b", ":80", "a:8x", "a:123456",
                          "[::1", "[]", "a b", "[1:2]", "[:::]", "[::1%25eth0]", "[1.2.3.4]"})
    EXPECT_FALSE(is_valid_authority(bad)) << bad;
}

TEST(FieldNames, TellWhatCouldBeTakenForOneOfThem) {
  const FieldNames names({"x-tenant", "x-a_b", "x-both", "x_both"});
  for (const char* name : {"X_Tenant", "x_tenant", "x_a_b", "X-A-B"})
    EXPECT_TRUE(names.is_imitated_by(name)) << name;
  for (const char* name : {"x-tenant", "X-TENANT", "X-A_b", "x-both", "X_Both", "x-other", "xtenant"})
    EXPECT_FALSE(names.is_imitated_by(name)) << name;
}

TEST(Trailers, PassThatAreListed) {
  const FieldNames listed({"x-sum", "host"});
  const std::string lines = "X-Sum: 1\r\nHost: a\r\nx-own: 2\r\nX_Forwarded_For: 3\r\n";
  EXPECT_EQ(permitted_trailers(lines, {.listed = &listed}), "X-Sum: 1\r\n");
  EXPECT_EQ(permitted_trailers(lines, {.metadata = true}), "X-Sum: 1\r\nx-own: 2\r\n");
  EXPECT_EQ(permitted_trailers(lines, {}), "");
}

}  // namespace
}  // namespace portcullis::http
