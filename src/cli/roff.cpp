#include "cli/roff.h"

#include <algorithm>
#include <string_view>

namespace portcullis::cli {
namespace {

// In normal fonts roff may print `-` as a hyphen and curl quotes. Text that users type must be copied
// unchanged.
void append_literal(std::string& out, char c) {
  switch (c) {
    case '\\': out += "\\e"; break;
    case '-': out += "\\-"; break;
    case '\'': out += "\\(aq"; break;
    case '^': out += "\\(ha"; break;
    case '~': out += "\\(ti"; break;
    case '`': out += "\\(ga"; break;
    case '"': out += "\\(dq"; break;
    default: out += c;
  }
}

std::string literal_text(const std::string& text) {
  std::string out;
  for (const char c : text) append_literal(out, c);
  return out;
}

// Escapes one line of text, which may begin like a roff request.
std::string prose(const std::string& text) {
  std::string out;
  bool bold = false;
  for (const char c : text) {
    if (c == '`') {
      out += bold ? "\\fR" : "\\fB";
      bold = !bold;
    } else if (bold || std::string_view("\\'^~\"").find(c) != std::string_view::npos) {
      append_literal(out, c);
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  if (bold) out += "\\fR";
  return (out.starts_with('.') ? "\\&" : "") + out;
}

}  // namespace

RoffPage::RoffPage(const std::string& name, int section) {
  std::string title;
  for (const char c : name) title += c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
  text_ = ".TH " + title + " " + std::to_string(section) +
          " \"\" \"portcullis " PORTCULLIS_VERSION "\" Portcullis\n";
}

void RoffPage::heading(const std::string& text) {
  text_ += ".SH " + prose(text) + "\n";
}

void RoffPage::subheading(const std::string& text) {
  text_ += ".SS " + prose(text) + "\n";
}

void RoffPage::name(const std::string& what, const std::string& summary) {
  text_ += ".SH NAME\n" + prose(what) + " \\- " + prose(summary) + "\n";
}

void RoffPage::paragraph(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find("\n\n", at), text.size());
    text_ += ".PP\n" + prose(text.substr(at, end - at)) + "\n";
    at = std::min(end + 2, text.size());
  }
}

void RoffPage::term(const std::string& term, const std::string& detail, const std::string& meaning) {
  text_ += ".TP\n\\fB" + literal_text(term) + "\\fR" +
           (detail.empty() ? "" : " \\fI" + literal_text(detail) + "\\fR") + "\n" + prose(meaning) + "\n";
}

void RoffPage::literal(const std::string& text) {
  text_ += ".PP\n.RS 4\n.nf\n\\&" + literal_text(text) + "\n.fi\n.RE\n";
}

}  // namespace portcullis::cli
