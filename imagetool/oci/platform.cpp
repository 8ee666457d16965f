// SPDX-License-Identifier: Apache-2.0
#include "imagetool/oci/platform.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace oci {
namespace {

constexpr std::array<std::string_view, 13> kSystems{
    "linux", "windows", "darwin",  "freebsd", "netbsd", "openbsd", "dragonfly",
    "aix",   "solaris", "illumos", "android", "plan9",  "wasip1"};
constexpr std::array<std::string_view, 16> kArchitectures{
    "386",      "amd64", "arm",     "arm64",   "loong64", "mips",    "mipsle", "mips64",
    "mips64le", "ppc64", "ppc64le", "riscv64", "s390x",   "sparc64", "wasm",   "riscv"};

template <std::size_t Size>
bool contains(const std::array<std::string_view, Size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return result;
}

void normalise_arm(Platform& platform) {
  if (platform.variant.empty()) platform.variant = "v7";
  if (platform.variant.size() == 1) platform.variant.insert(platform.variant.begin(), 'v');
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '_' || letter == '.' || letter == '-';
  });
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw Error(sentence("platform \"", printable(text), "\": ", why));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "linux", "windows(10.0.17763)" or "linux(+erofs)" (containerd's newer forms).
void read_system(Platform& platform, std::string_view system, std::string_view whole) {
  const std::size_t open = system.find('(');
  platform.os = system.substr(0, open);
  if (open == std::string_view::npos) return;
  if (!system.ends_with(')')) refuse(whole, "the parenthesis is not closed");
  const auto parts = split(system.substr(open + 1, system.size() - open - 2), '+');
  platform.os_version = parts.front();
  platform.os_features.assign(parts.begin() + 1, parts.end());
  if (!platform.os_version.empty() && !is_word(platform.os_version))
    refuse(whole, "the version of the system is malformed");
}

/// N of "vN" or "vN.M"; nullopt for anything else.
struct Level {
  unsigned major = 0;
  unsigned minor = 0;
};
std::optional<Level> level_of(std::string_view variant) {
  if (!variant.starts_with('v')) return std::nullopt;
  Level level;
  const char* const end = variant.data() + variant.size();
  const auto major = std::from_chars(variant.data() + 1, end, level.major);
  if (major.ec != std::errc()) return std::nullopt;
  if (major.ptr == end) return level;
  if (*major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, level.minor);
  if (minor.ec != std::errc() || minor.ptr != end || level.minor > 99) return std::nullopt;
  return level;
}

/// arm64's variants below and including `level`, best first: v9.x includes v8.(x+5).
std::vector<std::string> arm64_variants(Level level) {
  std::vector<std::string> variants;
  const auto add = [&](unsigned major, unsigned minor) {
    for (unsigned next = minor; next > 0; --next)
      variants.push_back(sentence('v', major, '.', next));
    variants.push_back(major == 8 ? std::string() : sentence('v', major));
  };
  if (level.major == 9) {
    add(9, level.minor);
    add(8, level.minor + 5);
  } else {
    add(8, level.minor);
  }
  return variants;
}

std::vector<std::string> fitting_variants(const Platform& platform) {
  std::vector<std::string> variants{platform.variant};
  const std::optional<Level> level =
      platform.variant.empty() ? std::optional<Level>(Level{8, 0}) : level_of(platform.variant);
  if (!level) return variants;
  if (platform.architecture == "arm64" && (level->major == 8 || level->major == 9))
    return arm64_variants(*level);
  if (platform.variant.empty() || level->minor != 0 || level->major > 16) return variants;
  if (platform.architecture == "amd64") {
    for (unsigned next = level->major - 1; next >= 2 && next < level->major; --next)
      variants.push_back(sentence('v', next));
    variants.emplace_back();
  } else if (platform.architecture == "arm") {
    for (unsigned next = level->major - 1; next >= 5 && next < level->major; --next)
      variants.push_back(sentence('v', next));
  }
  return variants;
}

std::string host_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__arm__)
  return "arm";
#elif defined(__i386__)
  return "386";
#elif defined(__riscv)
  return "riscv64";
#elif defined(__s390x__)
  return "s390x";
#elif defined(__powerpc64__)
  return "ppc64le";
#else
#error "which word has Go for this architecture?"
#endif
}

std::string host_variant() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return "v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "v3";
  if (__builtin_cpu_supports("x86-64-v2")) return "v2";
#endif
  return "";
}

}  // namespace

Platform normalised(Platform platform) {
  platform.os = lower(platform.os);
  platform.architecture = lower(platform.architecture);
  platform.variant = lower(platform.variant);
  if (platform.os == "macos") platform.os = "darwin";
  std::string& architecture = platform.architecture;
  if (architecture == "i386") architecture = "386";
  if (architecture == "x86_64" || architecture == "x86-64") architecture = "amd64";
  if (architecture == "aarch64") architecture = "arm64";
  if (architecture == "armhf") platform.variant = "v7";
  if (architecture == "armel") platform.variant = "v6";
  if (architecture == "armhf" || architecture == "armel") architecture = "arm";
  if (architecture == "amd64" && platform.variant == "v1") platform.variant.clear();
  if (architecture == "arm64" &&
      (platform.variant == "8" || platform.variant == "v8" || platform.variant == "v8.0"))
    platform.variant.clear();
  if (architecture == "arm64" && platform.variant == "v9.0") platform.variant = "v9";
  if (architecture == "arm") normalise_arm(platform);
  return platform;
}

Platform Platform::parse(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() > 3) refuse(text, "is not OS/ARCHITECTURE/VARIANT");
  Platform platform;
  read_system(platform, parts[0], text);
  if (!is_word(platform.os)) refuse(text, "is not OS/ARCHITECTURE/VARIANT");
  for (std::size_t at = 1; at < parts.size(); ++at)
    if (!is_word(parts[at])) refuse(text, "is not OS/ARCHITECTURE/VARIANT");
  if (parts.size() > 1) platform.architecture = parts[1];
  if (parts.size() > 2) platform.variant = parts[2];
  platform = normalised(std::move(platform));
  if (parts.size() > 1) return platform;
  if (contains(kSystems, platform.os)) {
    platform.architecture = host_architecture();
    return normalised(std::move(platform));
  }
  platform.architecture = std::exchange(platform.os, "linux");
  platform = normalised(std::move(platform));
  if (!contains(kArchitectures, platform.architecture))
    refuse(text, "is neither an operating system nor an architecture");
  return platform;
}

std::string Platform::str() const {
  std::string text = sentence(os, "/", architecture);
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform host_platform() {
  return normalised(
      {.architecture = host_architecture(), .os = "linux", .variant = host_variant()});
}

std::vector<Platform> fitting_platforms(const Platform& wanted, Wish wish) {
  const Platform best = normalised(wanted);
  std::vector<Platform> platforms;
  const auto add = [&](std::string_view architecture, std::string variant) {
    Platform next = best;
    next.architecture = architecture;
    next.variant = std::move(variant);
    platforms.push_back(std::move(next));
  };
  for (std::string& variant : fitting_variants(best)) add(best.architecture, std::move(variant));
  if (wish == Wish::kExplicit) return platforms;
  if (best.architecture == "amd64") add("386", "");
  if (best.architecture == "arm64")
    for (const char* variant : {"v8", "v7", "v6", "v5"}) add("arm", variant);
  return platforms;
}

bool fits(const Platform& offered, const Platform& wanted, Wish wish) {
  const Platform made_for = normalised(offered);
  for (const std::string& feature : made_for.os_features)
    if (std::find(wanted.os_features.begin(), wanted.os_features.end(), feature) ==
        wanted.os_features.end())
      return false;
  if (!wanted.os_version.empty() && !made_for.os_version.empty() &&
      wanted.os_version != made_for.os_version)
    return false;
  const auto same = [&](const Platform& one) {
    return one.os == made_for.os && one.architecture == made_for.architecture &&
           one.variant == made_for.variant;
  };
  const std::vector<Platform> fitting = fitting_platforms(wanted, wish);
  return std::any_of(fitting.begin(), fitting.end(), same);
}

}  // namespace oci
