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

struct ContainerProcessState {
  std::string oci_version;
  std::vector<std::string> fds;
  int pid = 0;
  std::string metadata;
  StateDocument state;
};

StateDocument document_of(const State& state) {
  return {.oci_version = state.oci_version,
          .id = state.id,
          .status = name(state.status),
          .pid = state.pid,
          .bundle = state.bundle,
          .annotations = state.annotations};
}
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

template <>
struct Fields<ContainerProcessState> {
  static constexpr Field list[] = {
      field<&ContainerProcessState::oci_version>("ociVersion", Presence::kRequired),
      field<&ContainerProcessState::fds>("fds", Presence::kRequired),
      field<&ContainerProcessState::pid>("pid", Presence::kRequired),
      field<&ContainerProcessState::metadata>("metadata"),
      field<&ContainerProcessState::state>("state", Presence::kRequired),
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
  const StateDocument document = document_of(state);
  return write_document(TypeOf<StateDocument>::type, &document, Layout::kCompact);
}

std::string write_container_process_state(const State& state, int pid,
                                          const std::string& metadata) {
  // The listener is the only descriptor that travels with it; "seccompFd" is the spec's name for
  // it.
  const ContainerProcessState document{.oci_version = state.oci_version,
                                       .fds = {"seccompFd"},
                                       .pid = pid,
                                       .metadata = metadata,
                                       .state = document_of(state)};
  return write_document(TypeOf<ContainerProcessState>::type, &document, Layout::kCompact);
}

}  // namespace oci
