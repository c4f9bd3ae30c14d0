#include "base/unified_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace portcullis {
namespace {

constexpr size_t kContext = 3;
constexpr size_t kMaxCells = 4'000'000;  // of the table that compares each line with each other

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

// A line of a diff: ' ', '-' or '+'.
struct Line {
  char sign;
  std::string_view text;
};

// The lines of both texts in one list, in which as many lines as possible are shared.
std::vector<Line> merged(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  size_t begin = 0, end = 0;
  while (begin < std::min(a.size(), b.size()) && a[begin] == b[begin]) ++begin;
  while (end < std::min(a.size(), b.size()) - begin && a[a.size() - 1 - end] == b[b.size() - 1 - end]) ++end;
  const size_t rows = a.size() - begin - end, columns = b.size() - begin - end;
  std::vector<Line> out;
  for (size_t i = 0; i < begin; ++i) out.push_back({' ', a[i]});
  size_t i = 0, k = 0;
  if (rows != 0 && columns != 0 && rows <= kMaxCells / columns) {
    // shared[i][k]: how many lines the rest of `a` from i on shares with the rest of `b` from k on.
    std::vector<uint32_t> shared((rows + 1) * (columns + 1));
    const auto at = [&](size_t row, size_t column) -> uint32_t& {
      return shared[row * (columns + 1) + column];
    };
    for (size_t row = rows; row-- > 0;) {
      for (size_t column = columns; column-- > 0;)
        at(row, column) = a[begin + row] == b[begin + column]
                              ? at(row + 1, column + 1) + 1
                              : std::max(at(row + 1, column), at(row, column + 1));
    }
    while (i < rows && k < columns) {
      if (a[begin + i] == b[begin + k]) {
        out.push_back({' ', a[begin + i]});
        ++i, ++k;
      } else if (at(i + 1, k) >= at(i, k + 1)) {
        out.push_back({'-', a[begin + i++]});
      } else {
        out.push_back({'+', b[begin + k++]});
      }
    }
  }
  for (; i < rows; ++i) out.push_back({'-', a[begin + i]});
  for (; k < columns; ++k) out.push_back({'+', b[begin + k]});
  for (size_t rest = a.size() - end; rest < a.size(); ++rest) out.push_back({' ', a[rest]});
  return out;
}

std::string range(size_t first, size_t count) {
  return std::to_string(count == 0 ? first - 1 : first) + (count == 1 ? "" : "," + std::to_string(count));
}

}  // namespace

std::string unified_hunks(std::string_view before, std::string_view after, size_t first_line) {
  const std::vector<Line> lines = merged(lines_of(before), lines_of(after));
  std::string out;
  size_t old_line = first_line, new_line = first_line;  // of lines[next]
  for (size_t next = 0; next < lines.size();) {
    size_t change = next;
    while (change < lines.size() && lines[change].sign == ' ') ++change;
    if (change == lines.size()) break;
    const size_t from = change - std::min(change - next, kContext);
    old_line += from - next;
    new_line += from - next;
    // The hunk ends where more lines than two contexts are the same.
    size_t to = change, same = 0;
    for (size_t i = change; i < lines.size() && same <= 2 * kContext; ++i) {
      same = lines[i].sign == ' ' ? same + 1 : 0;
      if (same == 0) to = i + 1;
    }
    to = std::min(to + kContext, lines.size());
    size_t olds = 0, news = 0;
    std::string body;
    for (size_t i = from; i < to; ++i) {
      olds += lines[i].sign != '+' ? 1 : 0;
      news += lines[i].sign != '-' ? 1 : 0;
      body += lines[i].sign;
      body += lines[i].text;
      if (!lines[i].text.ends_with('\n')) body += "\n\\ No newline at end of file\n";
    }
    out += "@@ -" + range(old_line, olds) + " +" + range(new_line, news) + " @@\n" + body;
    old_line += olds;
    new_line += news;
    next = to;
  }
  return out;
}

}  // namespace portcullis
