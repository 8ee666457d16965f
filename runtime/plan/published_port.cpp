// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "bundle-spec/error.hpp"
#include "runtime/plan/network.hpp"

namespace plan {
namespace {

struct PortRange {
  unsigned first = 0, last = 0;
};

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw Error(sentence("\"", text, "\" ", why,
                       "; a published port is [IP:]HOST[-LAST]:CONTAINER[-LAST][/udp]"));
}

unsigned parse_port(std::string_view digits, std::string_view text) {
  unsigned port = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || result.ec != std::errc{} || result.ptr != digits.data() + digits.size() ||
      port > 65535)
    refuse(text, sentence("has \"", digits, "\" where a port from 0 to 65535 belongs"));
  return port;
}

PortRange parse_range(std::string_view part, std::string_view text) {
  const std::size_t dash = part.find('-');
  PortRange range;
  range.first = range.last = parse_port(part.substr(0, dash), text);
  if (dash != std::string_view::npos) range.last = parse_port(part.substr(dash + 1), text);
  if (range.last < range.first) refuse(text, "has a range that ends before it begins");
  return range;
}

/// Cuts "IP:" or "[IP]:" off the front.
std::optional<IpAddress> take_address(std::string_view& rest, std::string_view text) {
  const std::size_t colon = rest.rfind(':', rest.rfind(':') - 1);
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view word = rest.substr(0, colon);
  rest.remove_prefix(colon + 1);
  if (word.starts_with('[') && word.ends_with(']')) word = word.substr(1, word.size() - 2);
  const std::optional<IpAddress> address = parse_address(word);
  if (!address) refuse(text, sentence("has \"", word, "\" where an address of the host belongs"));
  // All of them: what leaving it out means. 0.0.0.0 alone would be IPv4 only, as in docker.
  return address;
}

bool take_protocol(std::string_view& rest, std::string_view text) {
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view protocol = rest.substr(slash + 1);
  rest = rest.substr(0, slash);
  if (protocol != "udp" && protocol != "tcp")
    refuse(text, sentence("has the protocol \"", protocol, "\", which is neither tcp nor udp"));
  return protocol == "udp";
}

std::string range_text(unsigned first, unsigned count) {
  return count == 1 ? sentence(first) : sentence(first, "-", first + count - 1);
}

bool share_address(const PublishedPort& one, const PublishedPort& other) {
  if (!one.host_address || !other.host_address) return true;
  if (one.host_address->is_v6 != other.host_address->is_v6) return false;
  return is_every_address(one) || is_every_address(other) ||
         *one.host_address == *other.host_address;
}

}  // namespace

PublishedPort parse_published_port(std::string_view text) {
  std::string_view rest = text;
  PublishedPort port;
  port.is_udp = take_protocol(rest, text);
  if (rest.find(':') == std::string_view::npos) refuse(text, "has no colon");
  port.host_address = take_address(rest, text);
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) refuse(text, "has no colon between the ports");
  const PortRange host = parse_range(rest.substr(0, colon), text);
  const PortRange container = parse_range(rest.substr(colon + 1), text);
  if (container.first == 0) refuse(text, "has port 0 of the container");
  if (host.first == 0 && host.last != 0) refuse(text, "has a range of the host that begins with 0");
  const unsigned count = container.last - container.first + 1;
  if (host.first != 0 && host.last - host.first + 1 != count)
    refuse(text, "has ranges of different lengths");
  if (host.first == 0 && count != 1) refuse(text, "has port 0 of the host for more than one port");
  port.host_port = static_cast<std::uint16_t>(host.first);
  port.container_port = static_cast<std::uint16_t>(container.first);
  port.count = static_cast<std::uint16_t>(count);
  return port;
}

std::string to_text(const PublishedPort& port) {
  std::string address;
  if (port.host_address) {
    address = to_text(*port.host_address);
    address = port.host_address->is_v6 ? sentence("[", address, "]:") : address + ":";
  }
  return sentence(address, range_text(port.host_port, port.count), ":",
                  range_text(port.container_port, port.count), port.is_udp ? "/udp" : "/tcp");
}

bool is_every_address(const PublishedPort& port) {
  return !port.host_address ||
         *port.host_address == IpAddress{.is_v6 = port.host_address->is_v6, .bytes = {}};
}

bool clash(const PublishedPort& one, const PublishedPort& other) {
  if (one.is_udp != other.is_udp || one.host_port == 0 || other.host_port == 0) return false;
  const bool apart = one.host_port + one.count <= other.host_port ||
                     other.host_port + other.count <= one.host_port;
  return !apart && share_address(one, other);
}

}  // namespace plan
