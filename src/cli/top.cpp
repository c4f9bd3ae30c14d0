#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/admin_client.h"
#include "cli/borrowed_terminal.h"
#include "cli/commands.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

// The terminal while pages are shown: without echo, with unbuffered keys, on the alternate screen. Its
// settings are restored when the object is destroyed, and when a signal such as that of Ctrl-C ends the
// process. One object at a time.
class Screen {
 public:
  Screen() { write("\x1b[?1049h\x1b[?25l"); }

  static void write(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }
  // The key pressed within the timeout, or 0; kEnd when standard input has ended.
  static constexpr char kEnd = 4;
  static char key(int milliseconds) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, milliseconds) <= 0) return 0;
    char c = 0;
    return ::read(STDIN_FILENO, &c, 1) == 1 ? c : kEnd;
  }

 private:
  BorrowedTerminal terminal_{static_cast<tcflag_t>(ECHO | ICANON), STDOUT_FILENO, "\x1b[?25h\x1b[?1049l"};
};

std::string format(const char* how, double value) {
  char text[40];
  std::snprintf(text, sizeof text, how, value);
  return text;
}

std::string milliseconds(const json& value) {
  const double time = value.get<double>();
  if (time < 0) return "-";
  return time >= 10'000 ? format("%.1fs", time / 1000) : format(time < 10 ? "%.2fms" : "%.0fms", time);
}

std::string rate(const json& value) {
  const double per_second = value.get<double>();
  return format(per_second < 10 ? "%.2f" : "%.0f", per_second);
}

std::string share(double part) {
  return part < 0 ? "-" : format(part < 0.1 ? "%.1f%%" : "%.0f%%", part * 100);
}

double failing(const json& meter) {
  const double all = meter["rate"].get<double>();
  return all < 0.005 ? 0 : meter["failures"].get<double>() / all;
}

std::string size(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return format(bytes < 10 && unit > 0 ? "%.1f" : "%.0f", bytes) + kUnits[unit];
}

// Text from clients may contain control sequences for terminals.
std::string plain(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

// Builds a page: lines with columns, the first one left-aligned and the others right-aligned.
class Page {
 public:
  // `rows` is the number of lines of the terminal; 0: unlimited.
  Page(size_t rows, size_t columns, bool colours) : rows_(rows), columns_(columns), colours_(colours) {}

  void line(const std::string& text, const char* style = "") {
    if (rows_ != 0 && lines_ + 1 >= rows_) return;
    ++lines_;
    const std::string shown = text.size() > columns_ ? text.substr(0, columns_) : text;
    text_ += colours_ && *style != '\0' ? std::string("\x1b[") + style + "m" + shown + "\x1b[0m" : shown;
    text_ += colours_ ? "\x1b[K\n" : "\n";
  }
  void table(const std::string& title, const std::vector<std::string>& heads,
             const std::vector<std::vector<std::string>>& rows, size_t max) {
    static constexpr size_t kFirst = 36, kOther = 10;
    line("");
    const auto cells = [](const std::vector<std::string>& row) {
      std::string out;
      for (size_t i = 0; i < row.size(); ++i) {
        std::string cell = row[i].substr(0, i == 0 ? kFirst : 48);
        const size_t width = i == 0 ? kFirst : kOther;
        const std::string gap(cell.size() < width ? width - cell.size() : 0, ' ');
        // The last column may hold text of any length.
        const bool left = i == 0 || (i + 1 == row.size() && cell.size() > kOther);
        out += left ? (i == 0 ? cell + gap : "  " + cell) : " " + gap + cell;
      }
      return out;
    };
    std::vector<std::string> head{title};
    head.insert(head.end(), heads.begin(), heads.end());
    line(cells(head), "7");
    if (rows.empty()) line("(none)", "2");
    for (size_t i = 0; i < std::min(rows.size(), max); ++i) line(cells(rows[i]));
    if (rows.size() > max) line("and " + std::to_string(rows.size() - max) + " more", "2");
  }
  std::string text() && { return std::move(text_); }

 private:
  size_t rows_, columns_;
  bool colours_;
  size_t lines_ = 0;
  std::string text_;
};

constexpr char kPause = 'p';

// The value by which rows are sorted, largest first.
struct Order {
  char key;
  const char* name;
  double (*of)(const json& meter);
};
constexpr Order kOrders[] = {
    {'r', "rate", [](const json& meter) { return meter["rate"].get<double>(); }},
    {'f', "failing", failing},
    {'l', "latency", [](const json& meter) { return meter["p99"].get<double>(); }},
    {'t', "total", [](const json& meter) { return meter["total"].get<double>(); }},
};

std::vector<json> sorted(std::vector<json> meters, const Order& order) {
  std::stable_sort(meters.begin(), meters.end(),
                   [&order](const json& a, const json& b) { return order.of(a) > order.of(b); });
  return meters;
}

std::vector<std::string> cells(const std::string& name, const json& meter) {
  return {plain(name),
          rate(meter["rate"]),
          share(failing(meter)),
          milliseconds(meter["p50"]),
          milliseconds(meter["p99"]),
          format("%.0f", meter["total"].get<double>())};
}

// The legend of the keys.
std::string legend(const Order& order, bool paused) {
  std::string out = "q quit   p ";
  out += paused ? "resume" : "pause";
  out += "   sort by:";
  for (const Order& one : kOrders) {
    out += std::string(" ") + one.key + " " + one.name;
    if (&one == &order) out += "*";
  }
  return out;
}

// What policies count, the most frequent first.
std::vector<std::vector<std::string>> rows_of_policy_metrics(const json& metrics) {
  struct Row {
    double rate;
    std::vector<std::string> cells;
  };
  std::vector<Row> found;
  for (const json& metric : metrics) {
    if (metric["type"] != "counter") continue;
    std::string name = metric["name"];
    constexpr std::string_view kPrefix = "portcullis_";
    if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
    for (const json& series : metric["series"]) {
      std::string labels;
      for (const auto& [label, value] : series["labels"].items())
        labels += (labels.empty() ? "" : ", ") + label + " " + value.get<std::string>();
      found.push_back(
          {series["rate"].get<double>(),
           {name, rate(series["rate"]), format("%.0f", series["value"].get<double>()), plain(labels)}});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Row& a, const Row& b) { return a.rate > b.rate; });
  std::vector<std::vector<std::string>> out;
  out.reserve(found.size());
  for (Row& row : found) out.push_back(std::move(row.cells));
  return out;
}

void show(Page& page, const json& live, const Order& order, size_t max) {
  const json &whole = live["whole"], &runtime = live["runtime"];
  std::string busy;
  for (const json& one : runtime["busy"]) busy += " " + share(one.get<double>());
  page.line("portcullis " + live["version"].get<std::string>() + ", revision " +
                std::to_string(live["revision"].get<uint64_t>()) + ", sorted by " + order.name +
                (live["draining"].get<bool>() ? ", DRAINING" : ""),
            "1");
  page.line("requests " + rate(whole["rate"]) + "/s   failing " + share(failing(whole)) + "   4xx " +
            rate(whole["client_errors"]) + "/s   50% " + milliseconds(whole["p50"]) + "   99% " +
            milliseconds(whole["p99"]) + "   cache hits " + share(live["cache"]["hit_ratio"].get<double>()));
  page.line("connections " + format("%.0f", runtime["connections"].get<double>()) + "   memory " +
            size(runtime["memory"].get<double>()) + "   descriptors " +
            format("%.0f", runtime["descriptors"].get<double>()) + "   workers busy" + busy);
  std::vector<std::vector<std::string>> rows;
  const std::vector<std::string> heads{"per s", "failing", "50%", "99%", "total"};
  for (const json& route : sorted(live["routes"].get<std::vector<json>>(), order)) {
    const std::string name = route["name"];
    rows.push_back(cells(name.empty() ? "(no route)" : name, route));
  }
  page.table("ROUTE", heads, rows, max);
  rows.clear();
  std::vector<json> targets;
  for (const json& upstream : live["upstreams"]) {
    for (json target : upstream.value("targets", json::array())) {
      target["name"] = upstream["name"].get<std::string>() + " " + target["address"].get<std::string>();
      targets.push_back(std::move(target));
    }
  }
  for (const json& target : sorted(std::move(targets), order)) {
    rows.push_back(cells(target["name"], target));
    const std::string why = target.value("why", "");
    rows.back().push_back(plain(target["state"].get<std::string>() + (why.empty() ? "" : ": " + why)));
  }
  std::vector<std::string> with_state = heads;
  with_state.push_back("state");
  page.table("TARGET", with_state, rows, max);
  rows.clear();
  std::vector<json> limited = live["limited"].get<std::vector<json>>();
  std::stable_sort(limited.begin(), limited.end(),
                   [](const json& a, const json& b) { return a["last_minute"] > b["last_minute"]; });
  for (const json& one : limited)
    rows.push_back({plain(one["who"]), format("%.0f", one["last_minute"].get<double>()),
                    plain(one["route"].get<std::string>() + ", " + one["reason"].get<std::string>())});
  page.table("LIMITED", {"per min", "by"}, rows, max);
  rows.clear();
  for (const json& one : live["failed"])
    rows.push_back({plain(one.value("method", "-") + " " + one.value("path", "")),
                    std::to_string(one.value("status", 0)),
                    plain(one.value("ended", "") + " " + one.value("target", ""))});
  page.table("FAILING REQUESTS", {"status", "why"}, rows, max);
  rows = rows_of_policy_metrics(live.value("metrics", json::array()));
  if (!rows.empty()) page.table("COUNTED BY POLICIES", {"per s", "total", "of"}, rows, max);
}

struct TopSettings {
  AdminChoice admin;
  bool once = false;
  bool json = false;
};

int top(const TopSettings& settings) {
  const OutputFormat output = format_of(settings.json);
  Failure failure;
  auto gateway = AdminClient::find(settings.admin, failure);
  if (!gateway) return fail("top", failure, output);
  std::string fault;
  const auto ask = [&]() -> json {
    const client::HttpResponse response = gateway->ask("GET", "/v1/now", Milliseconds(5'000));
    fault = response.error;
    if (fault.empty() && response.status != 200)
      fault = std::to_string(response.status) + " " + refusal_of(response);
    return fault.empty() ? json::parse(response.body, nullptr, false) : json();
  };
  json live = ask();
  if (!live.is_object())
    return fail("top",
                cannot_ask(gateway->base() + ": " + (fault.empty() ? "its answer is not JSON" : fault)),
                output);
  const Order* order = &kOrders[0];
  if (settings.json) {
    print_json(live);
    return kGood;
  }
  if (settings.once || ::isatty(STDOUT_FILENO) == 0 || ::isatty(STDIN_FILENO) == 0) {
    Page page(0, 200, false);
    show(page, live, *order, 20);
    std::fputs(std::move(page).text().c_str(), stdout);
    return kGood;
  }
  const Screen screen;
  for (bool paused = false;;) {
    winsize window{};
    ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
    const size_t rows = window.ws_row != 0 ? window.ws_row : 24,
                 columns = window.ws_col != 0 ? window.ws_col : 80;
    Page foot(0, columns, true);  // shown even on the smallest terminal
    const size_t foot_rows = fault.empty() ? 2 : 3;
    foot.line("");
    if (!fault.empty()) foot.line("lost: " + fault, "31");
    foot.line((paused ? "PAUSED   " : "") + legend(*order, paused), "2");
    Page page(std::max<size_t>(rows, foot_rows + 2) - foot_rows, columns, true);
    if (live.is_object()) show(page, live, *order, rows > 22 ? (rows - 14) / 4 : 2);
    Screen::write("\x1b[H" + std::move(page).text() + std::move(foot).text() + "\x1b[J");
    // A paused page waits for a key without a timeout.
    const char key = Screen::key(paused ? -1 : 1'000);
    if (key == 'q' || key == 'Q' || key == Screen::kEnd) return kGood;
    if (key == kPause) paused = !paused;
    for (const Order& one : kOrders) {
      if (one.key == key) order = &one;
    }
    if (paused) continue;
    if (json fresh = ask(); fresh.is_object()) live = std::move(fresh);
  }
}

}  // namespace

Command top_command() {
  auto settings = std::make_shared<TopSettings>();
  std::vector<Option> options = admin_options(settings->admin);
  options.push_back({.names = "--once",
                     .summary = "Print one page and exit; the default when standard output is not a terminal",
                     .target = &settings->once});
  options.push_back(json_option(settings->json));
  return {.name = "top",
          .summary = "Show what a running gateway does: traffic, targets, limits, failures",
          .description =
              "The page is updated every second, until `q` or Ctrl-C. `p` stops the updates until the next "
              "`p`. The keys r, f, l and t sort by rate, share of failures, latency and total.",
          .operands = {admin_operand(settings->admin)},
          .options = std::move(options),
          .environment = admin_variables(),
          .exits = {{kGood, "the page was shown"},
                    {kWrong, "the configuration has errors, or has no admin listener"},
                    {kCouldNot, "the gateway could not be asked"}},
          .examples = {{"portcullis top gateway.yaml",
                        "The gateway whose admin listener the configuration names"},
                       {"portcullis top --once --admin 127.0.0.1:9080", "One page of text"},
                       {"portcullis top --json --admin 127.0.0.1:9080", "The figures, for programs"}},
          .run = [settings] { return top(*settings); }};
}

}  // namespace portcullis::cli
