// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/oci/json_fields.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "bundle-spec/error.hpp"

namespace oci {

namespace {

// Deep enough for every document of the spec (10), shallow enough for every stack behind us.
constexpr std::size_t kMaxDepth = 64;

const char* words(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return "true or false";
    case Kind::kInteger:
      return "an integer";
    case Kind::kString:
      return "a string";
    case Kind::kList:
      return "an array";
    case Kind::kMap:
    case Kind::kObject:
      return "an object";
  }
  return "something else";
}

/// RFC 6901: "~" and "/" inside a name are written "~0" and "~1".
void append_step(std::string& pointer, std::string_view step) {
  pointer += '/';
  for (const char letter : step) {
    if (letter == '~') {
      pointer += "~0";
    } else if (letter == '/') {
      pointer += "~1";
    } else if (letter == '\0') {  // what() would end there
      pointer += "\\u0000";
    } else {
      pointer += letter;
    }
  }
}

/// Takes nlohmann's events and puts values straight into the structs: no document tree is built.
class Reader {
 public:
  Reader(const Type& type, void* target, std::string_view name, std::vector<Problem>* problems)
      : root_{&type, target}, name_(name), problems_(problems) {
    frames_.reserve(16);
  }

  bool null() {
    if (skipped_ > 0 || is_unknown()) return true;
    // Go writes null for an empty slice, map or pointer.
    if (!frames_.empty() && frames_.back().type->kind == Kind::kObject) return true;
    const Type& wanted = frames_.empty() ? *root_.type : *frames_.back().type->element;
    if (!frames_.empty()) ++frames_.back().index;
    return refuse(sentence("must be ", words(wanted.kind), ", is null"));
  }

  bool boolean(bool value) {
    if (const Slot slot = expect(Kind::kBool, "true or false"); slot.target != nullptr)
      *static_cast<bool*>(slot.target) = value;
    return true;
  }

  bool number_integer(std::int64_t value) {
    const Slot slot = expect(Kind::kInteger, "a number");
    if (slot.target == nullptr) return true;
    const IntegerType& integer = slot.type->integer;
    if (value < integer.least) return refuse_range(integer, std::to_string(value));
    integer.assign(slot.target, static_cast<std::uint64_t>(value));
    return true;
  }

  bool number_unsigned(std::uint64_t value) {
    const Slot slot = expect(Kind::kInteger, "a number");
    if (slot.target == nullptr) return true;
    const IntegerType& integer = slot.type->integer;
    if (value > integer.most) return refuse_range(integer, std::to_string(value));
    integer.assign(slot.target, value);
    return true;
  }

  bool number_float(double, const std::string& text) {
    const Slot slot = expect(Kind::kInteger, "a number");
    if (slot.target != nullptr) refuse(sentence("must be a 64-bit integer, is ", text));
    return true;
  }

  bool string(std::string& value) {
    const Slot slot = expect(Kind::kString, "a string");
    if (slot.target == nullptr) return true;
    if (value.find('\0') != std::string::npos) return refuse("must not contain a NUL byte");
    *static_cast<std::string*>(slot.target) = std::move(value);
    return true;
  }

  bool binary(nlohmann::json::binary_t&) { return false; }

  bool start_object(std::size_t) { return start("an object", Kind::kObject, Kind::kMap); }
  bool start_array(std::size_t) { return start("an array", Kind::kList, Kind::kList); }

  bool key(std::string& name) {
    if (skipped_ > 0) return true;
    Frame& frame = frames_.back();
    frame.key = std::move(name);
    if (frame.type->kind == Kind::kMap) {
      if (frame.key.find('\0') != std::string::npos) refuse("must not contain a NUL byte");
      return true;
    }
    const std::span<const Field> fields = frame.type->fields;
    const auto found = std::ranges::find(fields, frame.key, &Field::name);
    frame.field = found == fields.end() ? nullptr : &*found;
    if (frame.field == nullptr) return note_unknown();
    if ((frame.seen & bit(frame)) != 0) refuse("is given twice");
    return true;
  }

  bool end_object() {
    if (skipped_ == 0) check_required(frames_.back());
    return end();
  }
  bool end_array() { return end(); }

  [[noreturn]] bool parse_error(std::size_t, const std::string&,
                                const nlohmann::json::exception& problem) {
    std::string_view text = problem.what();
    // "[json.exception.parse_error.101] parse error at line 3, column 5: syntax error …"
    if (const std::size_t start = text.find(" at line "); start != std::string_view::npos)
      text.remove_prefix(start + 4);
    // It quotes the token it stopped at, which may be as long as the document.
    text = text.substr(0, 300);
    throw Error(sentence(name_, ": is not JSON: ", text));
  }

 private:
  struct Slot {
    const Type* type = nullptr;
    void* target = nullptr;  // nullptr: the value is skipped
  };
  struct Frame {
    const Type* type;
    void* object;
    const Field* field = nullptr;  // kObject: of the value to come; nullptr for unknown ones
    std::uint64_t seen = 0;        // kObject: one bit a field
    std::size_t index = 0;         // kList: elements so far
    std::string key = {};
  };

  static std::uint64_t bit(const Frame& frame) {
    return std::uint64_t{1} << (frame.field - frame.type->fields.data());
  }

  bool is_unknown() const {
    return !frames_.empty() && frames_.back().type->kind == Kind::kObject &&
           frames_.back().field == nullptr;
  }

  /// The place for the value that comes now, checked to be of one of two kinds.
  Slot expect(Kind kind, const char* what, Kind other) {
    if (skipped_ > 0 || is_unknown()) return {};
    const Slot slot = next_slot();
    if (slot.type->kind == kind || slot.type->kind == other) return slot;
    refuse(sentence("must be ", words(slot.type->kind), ", is ", what));
    return {};
  }
  Slot expect(Kind kind, const char* what) { return expect(kind, what, kind); }

  Slot next_slot() {
    if (frames_.empty()) return root_;
    Frame& frame = frames_.back();
    switch (frame.type->kind) {
      case Kind::kList:
        ++frame.index;
        return {frame.type->element, frame.type->list.append(frame.object)};
      case Kind::kMap: {
        void* const value = frame.type->map.insert(frame.object, frame.key);
        if (value == nullptr) refuse("is given twice");
        return {frame.type->element, value};
      }
      default:
        frame.seen |= bit(frame);
        return {frame.field->type, frame.field->engage(frame.object)};
    }
  }

  bool start(const char* what, Kind kind, Kind other) {
    if (frames_.size() + skipped_ >= kMaxDepth)
      throw Error(sentence(name_, ": is nested deeper than ", kMaxDepth, " levels"));
    const Slot slot = expect(kind, what, other);
    if (slot.target == nullptr) {
      ++skipped_;
    } else {
      frames_.push_back({.type = slot.type, .object = slot.target});
    }
    return true;
  }

  bool end() {
    if (skipped_ > 0) {
      --skipped_;
    } else {
      frames_.pop_back();
    }
    return true;
  }

  void check_required(Frame& frame) {
    if (frame.type->kind != Kind::kObject) return;
    for (const Field& field : frame.type->fields) {
      frame.field = &field;
      if (field.presence != Presence::kRequired || (frame.seen & bit(frame)) != 0) continue;
      frame.key = field.name;
      refuse("is required");
    }
  }

  bool refuse_range(const IntegerType& integer, const std::string& value) const {
    return refuse(sentence("must be from ", integer.least, " to ", integer.most, ", is ", value));
  }

  std::string pointer() const {
    std::string text;
    for (const Frame& frame : frames_)
      append_step(text,
                  frame.type->kind == Kind::kList ? std::to_string(frame.index - 1) : frame.key);
    return text;
  }

  /// Returns, with true, only where problems are collected: the value is then left out.
  bool refuse(const std::string& what) const {
    std::string at = pointer();
    if (problems_ == nullptr) throw Error(sentence(name_, ": ", at, at.empty() ? "" : ": ", what));
    add_problem(*problems_, {.pointer = std::move(at), .text = what});
    return true;
  }

  /// runtime-spec, config.md "Extensibility": unknown properties are no error. Often it is a typing
  /// mistake.
  bool note_unknown() const {
    if (problems_ == nullptr) return true;
    constexpr std::string_view kOtherSystems[] = {"solaris", "windows", "vm", "zos", "freebsd"};
    if (frames_.size() == 1 && std::ranges::count(kOtherSystems, frames_.back().key) > 0)
      return true;
    add_problem(*problems_,
                {.severity = Problem::Severity::kWarning,
                 .pointer = pointer(),
                 .text = "is not a property the specification knows here: it is ignored",
                 .remedy = "correct its name, or leave it out"});
    return true;
  }

  Slot root_;
  std::string_view name_;
  std::vector<Problem>* problems_;
  std::vector<Frame> frames_;
  std::size_t skipped_ = 0;  // levels below an unknown property
};

bool is_empty(const Type& type, const void* value) {
  switch (type.kind) {
    case Kind::kBool:
      return !*static_cast<const bool*>(value);
    case Kind::kInteger:
      return type.integer.is_zero(value);
    case Kind::kString:
      return static_cast<const std::string*>(value)->empty();
    case Kind::kList:
      return type.list.size(value) == 0;
    case Kind::kMap:
      return type.map.empty(value);
    case Kind::kObject:
      return false;
  }
  return false;
}

class Writer {
 public:
  explicit Writer(Layout layout) : tabs_(layout == Layout::kTabs) {}

  void value(const Type& type, const void* source) {
    switch (type.kind) {
      case Kind::kBool:
        text_ += *static_cast<const bool*>(source) ? "true" : "false";
        return;
      case Kind::kInteger:
        type.integer.print(source, text_);
        return;
      case Kind::kString:
        string(*static_cast<const std::string*>(source));
        return;
      case Kind::kList:
        list(type, source);
        return;
      case Kind::kMap:
        map(type, source);
        return;
      case Kind::kObject:
        object(type, source);
        return;
    }
  }

  std::string take() {
    if (tabs_) text_ += '\n';
    return std::move(text_);
  }

 private:
  void object(const Type& type, const void* source) {
    open('{');
    for (const Field& field : type.fields) {
      const void* const member = field.peek(source);
      if (member == nullptr) continue;
      const bool kept = field.presence == Presence::kRequired || field.is_optional;
      if (!kept && is_empty(*field.type, member)) continue;
      const std::size_t before = text_.size();
      key(field.name);
      value(*field.type, member);
      if (!kept && text_.ends_with("{}")) text_.resize(before);
    }
    close('}');
  }

  void list(const Type& type, const void* source) {
    open('[');
    const std::size_t size = type.list.size(source);
    for (std::size_t index = 0; index < size; ++index) {
      next_line();
      value(*type.element, type.list.at(source, index));
    }
    close(']');
  }

  void map(const Type& type, const void* source) {
    struct Context {
      Writer* writer;
      const Type* element;
    } context{this, type.element};
    open('{');
    type.map.each(
        source,
        [](const std::string& name, const void* member, void* to) {
          const auto [writer, element] = *static_cast<Context*>(to);
          writer->key(name);
          writer->value(*element, member);
        },
        &context);
    close('}');
  }

  void key(std::string_view name) {
    next_line();
    string(name);
    text_ += tabs_ ? ": " : ":";
  }

  void open(char bracket) {
    text_ += bracket;
    ++depth_;
  }

  void close(char bracket) {
    --depth_;
    const bool empty = text_.back() == (bracket == '}' ? '{' : '[');
    if (!empty) new_line();
    text_ += bracket;
  }

  void next_line() {
    if (text_.back() != '{' && text_.back() != '[') text_ += ',';
    new_line();
  }

  void new_line() {
    if (!tabs_) return;
    text_ += '\n';
    text_.append(depth_, '\t');
  }

  void string(std::string_view value) {
    const bool plain = std::ranges::all_of(value, [](char letter) {
      return letter >= 0x20 && letter < 0x7f && letter != '"' && letter != '\\';
    });
    if (plain) {
      text_ += '"';
      text_ += value;
      text_ += '"';
    } else {
      // A host path may hold bytes that are no UTF-8; JSON cannot.
      text_ += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
  }

  bool tabs_;
  std::size_t depth_ = 0;
  std::string text_;
};

}  // namespace

void read_document(const Type& type, void* target, std::string_view json_text,
                   std::string_view name, std::vector<Problem>* problems) {
  Reader reader(type, target, name, problems);
  nlohmann::json::sax_parse(json_text, &reader);
}

std::string write_document(const Type& type, const void* source, Layout layout) {
  Writer writer(layout);
  writer.value(type, source);
  return writer.take();
}

}  // namespace oci
