#pragma once

#include <string>

namespace portcullis::cli {

// Writes a manual page in the man macros of roff. Text is plain, but for words in backticks, which become
// bold.
class RoffPage {
 public:
  // `section`: 1 for commands, 5 for files.
  RoffPage(const std::string& name, int section);

  // The section NAME, which programs that index manual pages read.
  void name(const std::string& what, const std::string& summary);
  void heading(const std::string& text);
  void subheading(const std::string& text);
  // Paragraphs, separated by empty lines.
  void paragraph(const std::string& text);
  // A term in bold, what belongs to it in italics (may be empty), and its meaning below.
  void term(const std::string& term, const std::string& detail, const std::string& meaning);
  // Lines that are printed as they are.
  void literal(const std::string& text);

  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace portcullis::cli
