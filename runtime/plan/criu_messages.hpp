// SPDX-License-Identifier: Apache-2.0
// What toyrun and `criu swrk` say to each other: the fields of CRIU's rpc.proto that are needed, as
// protocol buffers (proto2) written and read by hand. Pure; launch/criu carries it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plan {

/// criu_req_type
enum class CriuType : std::uint32_t {
  kEmpty = 0,
  kDump = 1,
  kRestore = 2,
  kCheck = 3,
  kPreDump = 4,
  kNotify = 6,
  kFeatureCheck = 9,
  kVersion = 10
};
/// "DUMP": runc's words in errors.
std::string_view name(CriuType type);

/// criu_cg_mode: how much of the cgroups' own settings goes into the images and comes back.
enum class CriuCgroupMode : std::uint32_t { kIgnore = 0, kSoft = 3, kFull = 4, kStrict = 5 };
/// criu_network_lock_method
enum class CriuNetworkLock : std::uint32_t { kIptables = 1, kNftables = 2, kSkip = 3 };

/// The switches of criu_opts; all others are off.
enum class CriuSwitch : std::uint32_t {
  kLeaveRunning = 3,
  kExtUnixSk = 4,
  kTcpEstablished = 5,
  kEvasiveDevices = 6,
  kShellJob = 7,
  kFileLocks = 8,
  kNotifyScripts = 12,
  kTrackMem = 15,
  kAutoDedup = 16,
  kLinkRemap = 18,
  kManageCgroups = 24,
  kRestoreAsSibling = 26,
  kTcpSkipInFlight = 46,
  kLazyPages = 48,
  kOrphanPtsMaster = 50,
  kTcpClose = 52
};

struct CriuPageServer {
  std::string address;
  std::uint32_t port = 0;
  bool operator==(const CriuPageServer&) const = default;
};

using CriuPairs = std::vector<std::pair<std::string, std::string>>;

/// criu_opts. Descriptors are numbers of the process that asks, those of inherit_fd of CRIU itself.
struct CriuOptions {
  int images_directory = -1;
  std::optional<int> work_directory;
  std::optional<int> pid;  // of the root of the tree to dump
  std::vector<CriuSwitch> switches;
  std::uint32_t log_level = 4;
  std::string log_file;
  std::string root;
  std::optional<CriuPageServer> page_server;
  std::string parent_image;  // relative to the images
  CriuPairs mounts;          // dump: mount point, name; restore: name, source
  CriuPairs cgroup_roots;    // controllers ("": all others), path
  std::vector<std::pair<std::string, int>> inherited;  // what the image calls it, descriptor
  std::vector<std::string> external;                   // "net[4026532]:name"
  CriuPairs join_namespaces;                           // "uts", path
  std::optional<CriuCgroupMode> cgroup_mode;
  std::uint32_t empty_namespaces = 0;  // CLONE_NEW*
  std::string freeze_cgroup;           // path of the directory
  std::string config_file;
  std::string lsm_profile, lsm_mount_context;
  std::optional<CriuNetworkLock> network_lock;
};

/// A request; `keep_open`: another one follows on the same connection.
std::string write_criu_request(CriuType type, const CriuOptions& options);
std::string write_criu_question(CriuType type, bool keep_open);
/// What can it do? Asks for mem_track and lazy_pages.
std::string write_criu_feature_question();
/// The answer to a notification.
std::string write_criu_acknowledgement(bool success);

/// criu_resp
struct CriuResponse {
  CriuType type = CriuType::kEmpty;
  bool success = false;
  int pid = 0;         // of a notification or a restored tree
  std::string script;  // what a notification is about: "pre-resume"
  int error_number = 0;
  std::string error;
  unsigned version = 0;  // 31701 is 3.17.1
  bool tracks_memory = false, has_lazy_pages = false;
};

/// Throws Error for bytes that are no such message.
CriuResponse read_criu_response(std::string_view bytes);

/// The last complaints in a log of CRIU, in one line; empty without any.
std::string criu_complaints(std::string_view log);

/// One field of a message: a number, or the bytes of a string or message.
struct ProtobufField {
  std::uint32_t number = 0;
  std::uint64_t value = 0;
  std::string_view bytes;
};
/// The fields in order (protobuf.dev, "Encoding"). Throws Error for what ends too early.
std::vector<ProtobufField> read_protobuf(std::string_view bytes);

}  // namespace plan
