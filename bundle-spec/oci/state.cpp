// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/oci/state.hpp"

#include "bundle-spec/oci/json_fields.hpp"

namespace oci {

namespace {
/// The state as it is written: the status as its word.
struct StateDocument {
  std::string oci_version;
  std::string id;
  std::string status;
  int pid = 0;
  std::string bundle;
  Annotations annotations;
};
}  // namespace

template <>
struct Fields<StateDocument> {
  static constexpr Field list[] = {
      field<&StateDocument::oci_version>("ociVersion", Presence::kRequired),
      field<&StateDocument::id>("id", Presence::kRequired),
      field<&StateDocument::status>("status", Presence::kRequired),
      field<&StateDocument::pid>("pid"),
      field<&StateDocument::bundle>("bundle", Presence::kRequired),
      field<&StateDocument::annotations>("annotations"),
  };
};

const char* name(Status status) {
  switch (status) {
    case Status::kCreating:
      return "creating";
    case Status::kCreated:
      return "created";
    case Status::kRunning:
      return "running";
    case Status::kPaused:
      return "paused";
    case Status::kStopped:
      return "stopped";
  }
  return "stopped";
}

std::string write_state(const State& state) {
  const StateDocument document{.oci_version = state.oci_version,
                               .id = state.id,
                               .status = name(state.status),
                               .pid = state.pid,
                               .bundle = state.bundle,
                               .annotations = state.annotations};
  return write_document(TypeOf<StateDocument>::type, &document, Layout::kCompact);
}

}  // namespace oci
