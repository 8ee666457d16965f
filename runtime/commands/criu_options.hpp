// SPDX-License-Identifier: Apache-2.0
// The options that checkpoint and restore have in common. Host side.
#pragma once

#include "bundle-spec/cli/options.hpp"
#include "runtime/launch/checkpoint.hpp"

namespace commands {

inline constexpr cli::Option kImagePathOption{
    .name = "image-path", .value = "DIR", .help = "The images (default: ./checkpoint)"};
inline constexpr cli::Option kWorkPathOption{
    .name = "work-path",
    .value = "DIR",
    .help = "Logs and what CRIU keeps while it works (default: with the images)"};
inline constexpr cli::Option kTcpEstablishedOption{
    .name = "tcp-established", .value = "", .help = "Keep established TCP connections"};
inline constexpr cli::Option kExtUnixSkOption{
    .name = "ext-unix-sk",
    .value = "",
    .help = "Let Unix sockets be connected to somebody outside"};
inline constexpr cli::Option kShellJobOption{
    .name = "shell-job", .value = "", .help = "Let the session leader or the terminal be outside"};
inline constexpr cli::Option kLazyPagesOption{
    .name = "lazy-pages", .value = "", .help = "Move memory on demand, by userfaultfd"};
inline constexpr cli::Option kFileLocksOption{
    .name = "file-locks", .value = "", .help = "Keep file locks"};
inline constexpr cli::Option kCgroupsModeOption{
    .name = "manage-cgroups-mode",
    .value = "MODE",
    .help = "The cgroup's settings in the images: soft (default), full, strict or ignore"};
inline constexpr cli::Option kEmptyNsOption{
    .name = "empty-ns",
    .value = "TYPE",
    .help = "Leave the content of this namespace (network) to the hooks",
    .repeatable = true};
inline constexpr cli::Option kAutoDedupOption{
    .name = "auto-dedup", .value = "", .help = "Drop from the parents' images what is in these"};
inline constexpr cli::Option kNetworkLockOption{
    .name = "network-lock",
    .value = "METHOD",
    .help = "How connections are held up: iptables, nftables or skip"};

/// What the options above say. The directories are not made or looked at. Throws Error naming the
/// option.
launch::CriuChoices criu_choices(const cli::Parsed& options);
/// Refuses for whom CRIU cannot work.
void require_criu_rights();

}  // namespace commands
