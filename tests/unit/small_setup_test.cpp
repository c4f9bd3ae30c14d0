#include "cli/small_setup.h"

#include <gtest/gtest.h>

#include "cli/api_key.h"
#include "config/yaml.h"
#include "control/load_config.h"

namespace portcullis::cli {
namespace {

SmallOptions to(std::vector<std::string> targets) {
  return {.to = std::move(targets)};
}

Result<SmallPlan> plan(const SmallOptions& options) {
  return plan_small_setup(options, AllAddresses::kDualStack);
}

// The error for the options, or "".
std::string problem(const SmallOptions& options) {
  const auto made = plan(options);
  return made ? "" : made.error().message;
}

std::string target(const std::string& text) {
  const auto made = plan(to({text}));
  return made ? (made->tls ? "tls " : "") + made->targets.front() : made.error().message;
}

std::string listen(const std::string& text) {
  SmallOptions options = to({"app:3000"});
  options.listen = text;
  const auto made = plan(options);
  return made ? made->listen : made.error().message;
}

std::string yaml(const SmallOptions& options) {
  const auto made = plan(options);
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? yaml_of(*made, command_of(options, *made)) : "";
}

config::Config loaded(const std::string& text) {
  config::Diagnostics diagnostics;
  auto config = control::load_config_text(text, "command line", diagnostics);
  for (const auto& one : diagnostics.sorted()) ADD_FAILURE() << one.to_string() << "\n" << text;
  return config ? std::move(*config) : config::Config{};
}

const std::string kHash = "sha256:0c4eb3e985136132911dfa1239c894b702d9b71c6542fe70155635199a63865d";

SmallOptions everything() {
  return {.to = {"localhost:3000", "http://10.0.0.2:3000/", "unix:/run/app's: #1.sock"},
          .listen = ":8080",
          .domains = {"A.test", "*.b.test"},
          .key = "Tr0ub4dor&3 with: [yaml] {marks} #",
          .rate = "100/min",
          .cache = "",
          .dashboard = "localhost:9090"};
}

TEST(SmallOptions, TakeATargetInEachFormThatPeopleWrite) {
  EXPECT_EQ(target("localhost:3000"), "localhost:3000");
  EXPECT_EQ(target("3000"), "localhost:3000");
  EXPECT_EQ(target(":3000"), "localhost:3000");
  EXPECT_EQ(target("http://app:3000"), "app:3000");
  EXPECT_EQ(target("HTTP://app:3000/"), "app:3000");
  EXPECT_EQ(target("http://app"), "app:80");
  EXPECT_EQ(target("http://:3000"), "localhost:3000");
  EXPECT_EQ(target("https://app"), "tls app:443");
  EXPECT_EQ(target("https://app:8443"), "tls app:8443");
  EXPECT_EQ(target("[::1]:3000"), "[::1]:3000");
  EXPECT_EQ(target("http://[2001:db8::1]"), "[2001:db8::1]:80");
  EXPECT_EQ(target("unix:/run/app.sock"), "unix:/run/app.sock");
}

TEST(SmallOptions, AskATargetBehindTlsForItsOwnName) {
  EXPECT_EQ(plan(to({"https://app.test"}))->target_host, "app.test");
  EXPECT_EQ(plan(to({"https://app.test:8443"}))->target_host, "app.test:8443");
  EXPECT_EQ(plan(to({"https://10.0.0.1"}))->target_host, "");
  EXPECT_EQ(plan(to({"https://a.test", "https://b.test"}))->target_host, "");
  EXPECT_EQ(plan(to({"http://app.test"}))->target_host, "");
}

TEST(SmallOptions, NameAMistakeInATargetAndSuggestWhatIsMeant) {
  EXPECT_EQ(target("localhost"), "--to: `localhost` has no port - did you mean `localhost:3000`?");
  EXPECT_EQ(target("ws://app:3000"),
            "--to: `ws://app:3000`: a target speaks `http://` or `https://`, and WebSocket passes through "
            "either - did "
            "you mean `http://app:3000`?");
  EXPECT_EQ(target("http://app:3000/api"),
            "--to: `http://app:3000/api`: a target has no path, requests keep their own (`rewrite` in a "
            "configuration "
            "file changes it) - did you mean `http://app:3000`?");
  EXPECT_EQ(target("unix:run/app.sock"),
            "--to: `unix:run/app.sock`: a socket is named by its whole path, as in `unix:/run/app.sock`");
  EXPECT_EQ(target("unix://run/app.sock"),
            "--to: `unix://run/app.sock` has too many slashes - did you mean `unix:/run/app.sock`?");
  EXPECT_EQ(target("unix:/run/${HOME}"),
            "--to: `unix:/run/${HOME}`: the path of a socket must be printable ASCII characters here, "
            "without `${`");
  EXPECT_EQ(target("::1:3000"),
            "--to: \"::1:3000\" is not an address: write an IPv6 host in brackets, as in [::1]:8080");
  EXPECT_EQ(target("app:70000"), "--to: \"app:70000\" is not an address: the port must be 0 to 65535");
  EXPECT_EQ(target("app one:3000"),
            "--to: `app one:3000` is neither an address nor a host name with its port");
  EXPECT_EQ(target(":0"), "--to: `:0`: the port must be 1 to 65535");
  EXPECT_EQ(target(""), "--to: `` has no port - did you mean `:3000`?");
  EXPECT_EQ(target("app:3000\nadmin: {}").find('\n'), std::string::npos);
  EXPECT_EQ(problem(to({":3000", "localhost:3000"})), "--to: `localhost:3000` is given twice");
  EXPECT_EQ(
      problem(to({"https://a.test", "b.test:80"})),
      "--to: all targets must use the same scheme, but `https://a.test` uses TLS and `b.test:80` does not");
}

TEST(SmallOptions, ListenOnThisMachineAloneUnlessToldOtherwise) {
  EXPECT_EQ(listen(""), "127.0.0.1:8080");
  EXPECT_EQ(listen(":80"), "[::]:80");
  EXPECT_EQ(listen("80"), "[::]:80");
  EXPECT_EQ(listen("*:80"), "[::]:80");
  EXPECT_EQ(listen("localhost:80"), "127.0.0.1:80");
  EXPECT_EQ(listen("10.1.2.3:80"), "10.1.2.3:80");
  EXPECT_EQ(listen("[::1]:80"), "[::1]:80");
  EXPECT_EQ(listen("unix:/run/public.sock"), "unix:/run/public.sock");
  SmallOptions options = to({"app:3000"});
  options.listen = ":80";
  EXPECT_EQ(plan_small_setup(options, AllAddresses::kIpv4)->listen, "0.0.0.0:80");
}

TEST(SmallOptions, NameAMistakeInTheAddressAndSuggestWhatIsMeant) {
  EXPECT_EQ(listen("127.0.0.1"), "--listen: `127.0.0.1` has no port - did you mean `127.0.0.1:8080`?");
  EXPECT_EQ(listen("a.test:80"),
            "--listen: `a.test:80`: `a.test` is not an IP address of this machine - did you mean `:80`? "
            "(`--domain` "
            "limits the hosts that are served)");
  EXPECT_EQ(listen("http://:80"), "--listen: `http://:80`: an address has no scheme - did you mean `:80`?");
  EXPECT_EQ(listen("https://:443"),
            "--listen: `https://:443`: TLS needs a certificate, and so a configuration file: `--print` "
            "writes one to "
            "begin with");
  EXPECT_EQ(listen(":0"), "--listen: `:0`: the port must be 1 to 65535");
  EXPECT_EQ(listen(":eighty").substr(0, 19), "--listen: `:eighty`");
}

TEST(SmallOptions, RefuseToServeThemselvesInACircle) {
  EXPECT_EQ(problem(to({":8080"})),
            "--to: `:8080` is the address at which Portcullis itself listens (`--listen`), so requests would "
            "loop: choose another address for `--listen`, such as `:8081`");
  EXPECT_EQ(problem({.to = {"10.0.0.1:80"}, .listen = ":80"}), "");
  EXPECT_NE(problem({.to = {"127.0.0.1:80"}, .listen = ":80"}), "");
  EXPECT_NE(problem({.to = {"localhost:80"}, .listen = "[::1]:80"}), "");
  EXPECT_NE(problem({.to = {"[::ffff:127.0.0.1]:80"}, .listen = "127.0.0.1:80"}), "");
  EXPECT_EQ(problem({.to = {"127.0.0.2:80"}, .listen = "127.0.0.1:80"}), "");
  EXPECT_EQ(problem({.to = {"[::1]:80"}, .listen = "127.0.0.1:80"}), "");
  EXPECT_EQ(problem({.to = {"localhost:80"}, .listen = "127.0.0.2:80"}), "");
}

TEST(SmallOptions, FindAPlaceForTheDashboard) {
  EXPECT_EQ(plan(to({":3000"}))->dashboard, "127.0.0.1:9080");
  EXPECT_EQ(plan(to({":9080"}))->dashboard, "127.0.0.1:9081");
  EXPECT_EQ(plan({.to = {":3000"}, .listen = ":9080"})->dashboard, "127.0.0.1:9081");
  EXPECT_EQ(plan({.to = {":3000"}, .no_dashboard = true})->dashboard, "");
  EXPECT_EQ(plan({.to = {":3000"}, .dashboard = "localhost:9"})->dashboard, "127.0.0.1:9");
  EXPECT_EQ(
      problem({.to = {":3000"}, .dashboard = ":9"}),
      "--dashboard: `:9` can be reached by others than this machine, which needs tokens or TLS, and so a "
      "configuration file - did you mean `127.0.0.1:9`?");
  EXPECT_EQ(problem({.to = {":3000"}, .dashboard = "127.0.0.1:9", .no_dashboard = true}),
            "--dashboard: cannot be combined with `--no-dashboard`");
  EXPECT_EQ(problem({.to = {":3000"}, .listen = ":9", .dashboard = "127.0.0.1:9"}),
            "--dashboard: `127.0.0.1:9` is the address at which the application is served (`--listen`): "
            "choose another address for `--dashboard`");
}

TEST(SmallOptions, NameAMistakeInADomain) {
  const auto domain = [](const std::string& text) { return problem({.to = {":3000"}, .domains = {text}}); };
  const std::string form =
      " is not a domain: write the name alone, as in `api.example.com` or `*.example.com`";
  EXPECT_EQ(domain("a.test"), "");
  EXPECT_EQ(domain("*.a.test"), "");
  EXPECT_EQ(domain("https://A.test/x"), "--domain: `https://A.test/x`" + form + " - did you mean `a.test`?");
  EXPECT_EQ(domain("a.test:80"), "--domain: `a.test:80`" + form + " - did you mean `a.test`?");
  for (const std::string bad : {"", "*", "*.", "a..b", "a b", "a*.test", "\"", "{}", ".a", "${HOME}"})
    EXPECT_EQ(domain(bad), "--domain: `" + bad + "`" + form);
  EXPECT_EQ(domain("a.test\nadmin: {}").find('\n'), std::string::npos);
}

TEST(SmallOptions, NameAMistakeInARateOrASize) {
  const auto rate = [](const std::string& text) { return problem({.to = {":3000"}, .rate = text}); };
  const std::string form = " is not a rate such as 100/s, 5000/min, 10/30s or 100000/day";
  EXPECT_EQ(rate("10/30s"), "");
  EXPECT_EQ(rate("100/minn"), "--rate: `100/minn`" + form + " - did you mean `100/min`?");
  EXPECT_EQ(rate("100/Min"), "--rate: `100/Min`" + form + " - did you mean `100/min`?");
  EXPECT_EQ(rate("100 / hours"), "--rate: `100 / hours`" + form + " - did you mean `100/hour`?");
  EXPECT_EQ(rate("100"), "--rate: `100`" + form + " - did you mean `100/min`?");
  EXPECT_EQ(rate("many"), "--rate: `many`" + form);
  const auto cache = [](const std::string& text) { return problem({.to = {":3000"}, .cache = text}); };
  EXPECT_EQ(cache("1GiB"), "");
  EXPECT_EQ(cache("64MB"),
            "--cache: `64MB` is not a size such as 512, 64KiB or 10MiB - did you mean `64MiB`?");
  EXPECT_EQ(cache("64m"), "--cache: `64m` is not a size such as 512, 64KiB or 10MiB - did you mean `64MiB`?");
  EXPECT_EQ(cache("big"), "--cache: `big` is not a size such as 512, 64KiB or 10MiB");
  EXPECT_EQ(cache("0"), "--cache: a cache of 0 bytes stores nothing: leave `--cache` out");
}

TEST(SmallOptions, TakeAKeyOrItsHashAndNeverShowIt) {
  const auto key = [](const std::string& text) { return problem({.to = {":3000"}, .key = text}); };
  EXPECT_EQ(plan({.to = {":3000"}, .key = kHash})->key_hash, kHash);
  EXPECT_EQ(plan({.to = {":3000"}, .key = "shop_3kXq9vTn0bWm5yRz8uJd"})->key_hash, kHash);
  EXPECT_EQ(key("sha256:abc"),
            "--key: expected `sha256:` and 64 hexadecimal digits: `portcullis hash-key` makes such a hash "
            "from a key");
  EXPECT_EQ(key(" secret").find("secret"), std::string::npos);
  EXPECT_NE(key(" secret"), "");
  EXPECT_NE(key("se\ncret"), "");
  EXPECT_NE(key(std::string(1025, 'x')), "");
}

TEST(SmallOptions, TellAllMistakesAtOnce) {
  const std::string all = problem({.to = {"x"}, .listen = "y", .domains = {""}, .rate = "z", .cache = "w"});
  for (const char* option : {"--to: ", "\n--listen: ", "\n--domain: ", "\n--rate: ", "\n--cache: "})
    EXPECT_NE(all.find(option), std::string::npos) << option << "\n" << all;
}

TEST(SmallSetup, IsWrittenAsAPersonWouldWriteIt) {
  EXPECT_EQ(yaml(to({"localhost:3000"})), R"(# Made by: portcullis run --to localhost:3000
# Check it with `portcullis check FILE`, serve it with `portcullis run -c FILE`.
version: 1

# The dashboard and the metrics, for this machine alone.
admin:
  address: 127.0.0.1:9080

listeners:
  - name: public
    address: 127.0.0.1:8080

# The targets that get the requests. A name is looked up again when its time to live is over.
upstreams:
  - name: app
    targets:
      - address: localhost:3000

routes:
  - name: all
    match:
      path_prefix: /
    upstream: app
)");
}

TEST(SmallSetup, SaysWithEveryOptionWhatWasAskedFor) {
  const config::Config config = loaded(yaml(everything()));
  ASSERT_EQ(config.upstreams.size(), 1u);
  ASSERT_EQ(config.upstreams[0].targets.size(), 3u);
  EXPECT_EQ(config.upstreams[0].targets[0].address, "localhost:3000");
  EXPECT_EQ(config.upstreams[0].targets[1].address, "10.0.0.2:3000");
  EXPECT_EQ(config.upstreams[0].targets[2].address, "unix:/run/app's: #1.sock");
  EXPECT_FALSE(config.upstreams[0].tls.enabled());
  EXPECT_EQ(config.listeners[0].address, "[::]:8080");
  EXPECT_EQ(config.admin.address, "127.0.0.1:9090");
  EXPECT_EQ(config.cache.memory, 64u << 20);
  ASSERT_EQ(config.consumers.size(), 1u);
  EXPECT_EQ(config.consumers[0].credentials.keys[0].hash, hash_of_api_key(*everything().key));
  ASSERT_EQ(config.routes.size(), 1u);
  EXPECT_EQ(config.routes[0].match.hosts, (std::vector<std::string>{"a.test", "*.b.test"}));
  std::vector<std::string> policies;
  for (const config::PolicyEntry& entry : config.routes[0].policies)
    policies.push_back(std::get<config::PolicyUse>(entry).name);
  EXPECT_EQ(policies, (std::vector<std::string>{"key_auth", "rate_limit", "cache"}));
}

TEST(SmallSetup, IsGoodForEachOptionAlone) {
  EXPECT_FALSE(loaded(yaml({.to = {":3000"}, .no_dashboard = true})).admin.enabled());
  const config::Config tls = loaded(yaml(to({"https://app.test"})));
  EXPECT_TRUE(tls.upstreams[0].tls.enabled());
  EXPECT_EQ(tls.routes[0].rewrite.host, "app.test");
  EXPECT_TRUE(loaded(yaml({.to = {":3000"}, .key = kHash})).routes[0].policies.size() == 1);
  EXPECT_TRUE(loaded(yaml({.to = {":3000"}, .rate = "1/s"})).routes[0].policies.size() == 1);
  EXPECT_EQ(loaded(yaml({.to = {":3000"}, .cache = "1GiB"})).cache.memory, 1u << 30);
  EXPECT_TRUE(loaded(yaml({.to = {":3000"}})).routes[0].policies.empty());
}

TEST(SmallSetup, QuotesWhatYamlWouldReadAsSomethingElse) {
  for (const std::string text : {"a.test",
                                 "127.0.0.1:80",
                                 "[::]:80",
                                 "unix:/run/x",
                                 "*.a.test",
                                 "&a",
                                 "!a",
                                 "a: b",
                                 "a #b",
                                 "- a",
                                 "'",
                                 "\"",
                                 "\\",
                                 "null",
                                 "~",
                                 "true",
                                 "yes",
                                 "1",
                                 "1.5",
                                 "1e3",
                                 "0x1F",
                                 "12:30:45",
                                 "",
                                 " a ",
                                 "a\nb: c",
                                 "{a: b}",
                                 "%",
                                 "@",
                                 "`",
                                 "a\x01\x7F",
                                 "caf\xC3\xA9",
                                 "<<",
                                 "=",
                                 "---",
                                 "...",
                                 "? a",
                                 "|",
                                 ">",
                                 "a:",
                                 ".inf"}) {
    config::Diagnostics diagnostics;
    const auto root = config::parse_yaml("key: " + yaml_text(text) + "\nlist: [" + yaml_text(text) + "]\n",
                                         "c", diagnostics);
    ASSERT_TRUE(root) << text;
    EXPECT_EQ(root->members.size(), 2u) << text;
    EXPECT_EQ(root->find("key")->kind, config::YamlNode::Kind::kScalar) << text;
    EXPECT_EQ(root->find("key")->scalar, text);
    EXPECT_EQ(root->find("list")->items.front()->scalar, text);
  }
  for (const std::string odd : {"true", "null", "1.5", "12:30", "0x1F", "yes", ".5"})
    EXPECT_EQ(yaml_text(odd).front(), '"');
  for (const std::string usual :
       {"a.test", "127.0.0.1:8080", "localhost:3000", "100/min", "unix:/run/app.sock"})
    EXPECT_EQ(yaml_text(usual), usual);
}

TEST(SmallSetup, NamesTheCommandThatMadeItForAShell) {
  const SmallOptions options = everything();
  EXPECT_EQ(
      command_of(options, *plan(options)),
      "portcullis run --to localhost:3000 --to http://10.0.0.2:3000/ --to 'unix:/run/app'\\''s: #1.sock' "
      "--listen :8080 --domain A.test --domain '*.b.test' --key " +
          hash_of_api_key(*options.key) + " --rate 100/min --cache --dashboard localhost:9090");
  // In the YAML file the command is a comment of one line, whatever its text.
  const std::string text = yaml_of(*plan(to({":3000"})), "portcullis\nadmin: {address: x}\xE2\x80\xA8y: z");
  EXPECT_EQ(text.substr(0, text.find("\n# Check")), "# Made by: portcullis?admin: {address: x}???y: z");
}

TEST(SmallSetup, WelcomesWithAddressesAndTheKeyOnce) {
  const std::string text =
      welcome_of(*plan(everything()), "portcullis run ...", "made-key", "127.0.0.1:9080");
  for (const char* part :
       {"at http://localhost:8080/\n", "made-key", "keep it with --key sha256:", "a.test, *.b.test",
        "100/min for each key", "64MiB of memory", "http://127.0.0.1:9090/  (127.0.0.1:9080 is taken)",
        "portcullis run ... --print > portcullis.yaml"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  const std::string plain = welcome_of(*plan(to({":3000"})), "x", "", "");
  EXPECT_NE(plain.find("this machine alone"), std::string::npos) << plain;
  EXPECT_EQ(plain.find("API key"), std::string::npos);
}

}  // namespace
}  // namespace portcullis::cli
