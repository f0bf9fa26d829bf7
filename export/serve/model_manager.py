"""Loading, swapping and unloading of model versions while requests go on."""

import contextlib
import dataclasses
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from tensorflow_serving.apis import get_model_status_pb2

from export.serve.model_config import check_model_config, models_of
from export.serve.servable import Servable
from export.serve.status import Code, ServingError, invalid_argument, serving_error
from export.serve.version_policy import wanted_versions
from export.serve.warm_up import warm_up

_LOG = logging.getLogger("export.serve")

# START, LOADING, AVAILABLE, UNLOADING and END, as in the server's status answers.
State = get_model_status_pb2.ModelVersionStatus.State


@dataclasses.dataclass
class VersionRecord:
    """What is known of one version, kept after its end because the status answer lists it.

    Attributes:
        version: The version number.
        state: `State`.
        wanted: Whether the policy wants it now.
        error: The `ServingError` of a failed load.
        servable: The loaded `Servable` while AVAILABLE.
    """

    version: int
    state: int = State.START
    wanted: bool = True
    error: ServingError | None = None
    servable: Servable | None = None


class ModelManager:
    """Keeps the wanted versions of the configured models loaded.

    A new version loads and warms up in the background while the old one answers; it is taken out of service only when
    a wanted one is available, and freed when the requests inside it are done. A version that fails to load changes
    nothing for the others and is tried again only after its folder was gone.

    Args:
        config: `ModelServerConfig`.
        poll_seconds: Seconds between looks at the folders; 0 looks only once.
        batching: `Batching` of a server that batches requests; None for one that does not.

    Raises:
        ServingError: the config is one the server would refuse.
    """

    def __init__(self, config, poll_seconds=1.0, batching=None):
        check_model_config(config)
        self._config = config
        self._poll_seconds = poll_seconds
        self._batching = batching
        self._labels = _labels(config)
        self._records = {}  # model name -> version -> VersionRecord
        self._changed = threading.Condition(threading.RLock())
        self._listeners = []
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll_for_ever, name="serve-poll", daemon=True)
        self._loads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="serve-load")
        self._unloads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="serve-unload")

    def start(self):
        """Loads what the folders hold now, returns when that has succeeded or failed, and goes on watching."""
        self._poll()
        with self._changed:
            self._changed.wait_for(lambda: not self._loading(self.model_names))
        self._poller.start()

    def stop(self):
        """Stops watching, waits for the requests inside the models, and frees them."""
        self._stopping.set()
        if self._poller.ident is not None:
            self._poller.join()
        self._loads.shutdown(wait=True)
        with self._changed:
            for name, records in self._records.items():
                for record in records.values():
                    if record.state == State.AVAILABLE:
                        self._unload(name, record)
        self._unloads.shutdown(wait=True)

    @property
    def model_names(self):
        """Names of the configured models."""
        return [model.name for model in models_of(self._config)]

    def add_listener(self, listener):
        """Calls `listener()` after every change of a version's state, from whichever thread made it."""
        self._listeners.append(listener)

    def all_available(self):
        """Returns whether every configured model has a version that answers."""
        with self._changed:
            return all(self.available_versions(name) for name in self.model_names)

    def available_versions(self, name):
        """Returns the version numbers of a model that answer now, ascending."""
        with self._changed:
            return sorted(r.version for r in self._records.get(name, {}).values() if r.state == State.AVAILABLE)

    def wait_until_available(self, name, version, timeout_seconds):
        """Waits for a version (None: any) of a model; returns whether it became available in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: (
                    bool(self.available_versions(name)) if version is None else version in self.available_versions(name)
                ),
                timeout_seconds,
            )

    @contextlib.contextmanager
    def servable(self, model_spec):
        """Context of a request: yields the `Servable` that answers it and keeps it loaded until the end.

        Args:
            model_spec: `ModelSpec`: a name, and optionally a version or a label.

        Raises:
            ServingError: INVALID_ARGUMENT, no name or an unknown label; NOT_FOUND, no such version is available.
        """
        servable = self._retain(model_spec)
        try:
            yield servable
        finally:
            servable.release()

    def _retain(self, model_spec):
        name = model_spec.name
        if not name:
            raise invalid_argument("ModelSpec has no name specified.")
        choice = model_spec.WhichOneof("version_choice")
        with self._changed:
            if choice == "version":
                version = model_spec.version.value
            elif choice == "version_label":
                version = self._labels.get(name, {}).get(model_spec.version_label)
                if version is None:
                    raise invalid_argument(f"Unrecognized servable version label: {model_spec.version_label}")
            else:
                version = max(self.available_versions(name), default=None)
            record = self._records.get(name, {}).get(version)
            if record is None or record.state != State.AVAILABLE:
                request = f"Specific({name}, {version})" if choice else f"Latest({name})"
                raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {request}")
            record.servable.retain()
            return record.servable

    def version_states(self, model_spec):
        """Returns (version, state, `ServingError` or None) of a model's versions, newest first.

        A label is ignored, as the server ignores it here.

        Raises:
            ServingError: NOT_FOUND, nothing is known of the model or the version.
        """
        with self._changed:
            records = self._records.get(model_spec.name, {})
            if model_spec.HasField("version"):
                version = model_spec.version.value
                if version not in records:
                    raise ServingError(Code.NOT_FOUND, f"Could not find version {version} of model {model_spec.name}")
                records = {version: records[version]}
            if not records:
                raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {model_spec.name}")
            return [(v, records[v].state, records[v].error) for v in sorted(records, reverse=True)]

    def reload_config(self, config):
        """Serves another model list from now on; returns when its new models are available.

        Raises:
            ServingError: the config is refused and nothing changed, or a new model did not become available.
        """
        with self._changed:
            check_model_config(config, previous=self._config)
            self._check_labels(config)
            new = [model.name for model in models_of(config) if model.name not in self.model_names]
            self._config = config
            self._labels = _labels(config)
            self._poll()
            self._changed.wait_for(lambda: not self._loading(new) or self._stopping.is_set())
            failed = [name for name in new if not self.available_versions(name)]
            if failed:
                raise ServingError(
                    Code.UNKNOWN,
                    f"{len(failed)} model(s) did not become available: "
                    + "{"
                    + "".join(self._failure(name) for name in failed)
                    + "}",
                )

    def _check_labels(self, config):
        # As with --allow_version_labels_for_unavailable_models: a new label may name a version still to come, but a
        # label in use moves only to a version that answers.
        for model in models_of(config):
            for label, version in model.version_labels.items():
                moved = self._labels.get(model.name, {}).get(label, version) != version
                if moved and version not in self.available_versions(model.name):
                    raise ServingError(
                        Code.FAILED_PRECONDITION,
                        f"Request to assign label to version {version} of model {model.name}, "
                        "which is not currently available for inference",
                    )

    def _failure(self, name):
        records = self._records.get(name, {})
        if not records:
            return f"{{name: {name}}}, "
        version = max(records)
        error = records[version].error
        return f"{{{{name: {name} version: {version}}}{f' due to error: {error}' if error else ''}}}, "

    def _loading(self, names):
        return any(
            record.state in (State.START, State.LOADING)
            for name in names
            for record in self._records.get(name, {}).values()
        )

    def _poll_for_ever(self):
        while self._poll_seconds > 0 and not self._stopping.wait(self._poll_seconds):
            self._poll()

    def _poll(self):
        config = self._config
        wanted = {}
        for model in models_of(config):
            try:
                wanted[model.name] = wanted_versions(model)
            except OSError as error:
                _LOG.warning("cannot read %s: %s", model.base_path, error.strerror)
        with self._changed:
            if config is not self._config:  # replaced while the folders were read
                return
            for name in set(self._records) - set(self.model_names):
                self._aspire(name, {})
            for name, versions in wanted.items():
                self._aspire(name, versions)

    def _aspire(self, name, wanted):
        records = self._records.setdefault(name, {})
        for version, record in records.items():
            retry = record.error is None or not record.wanted
            if record.state == State.END and retry and version in wanted:
                record.state, record.error = State.START, None
                self._submit_load(name, record, wanted[version])
            record.wanted = version in wanted
        for version in sorted(set(wanted) - set(records), reverse=True):
            records[version] = VersionRecord(version)
            self._submit_load(name, records[version], wanted[version])
        self._unload_replaced(name)

    def _submit_load(self, name, record, directory):
        if self._stopping.is_set():
            return
        future = self._loads.submit(self._load, name, record, directory)
        future.add_done_callback(lambda done: self._loaded(name, record, done))

    def _load(self, name, record, directory):
        self._set_state(name, record, State.LOADING)
        servable = Servable(name, record.version, directory, self._batching)
        with contextlib.ExitStack() as failure:
            failure.callback(servable.close)
            warm_up(servable, directory)
            failure.pop_all()
        return servable

    def _loaded(self, name, record, future):
        # The future holds whatever the load raised, so that nothing a damaged model does can end the server.
        error = future.exception()
        with self._changed:
            if error is not None:
                record.error = serving_error(error)
                _LOG.error("%s: version %d failed to load: %s", name, record.version, record.error)
                self._set_state(name, record, State.END)
                return
            record.servable = future.result()
            self._set_state(name, record, State.AVAILABLE)
            self._unload_replaced(name)

    def _unload_replaced(self, name):
        records = self._records[name].values()
        wanted = [record for record in records if record.wanted]
        if wanted and not any(record.state == State.AVAILABLE for record in wanted):
            return
        for record in records:
            if record.state == State.AVAILABLE and not record.wanted:
                self._unload(name, record)

    def _unload(self, name, record):
        servable, record.servable = record.servable, None
        self._set_state(name, record, State.UNLOADING)
        future = self._unloads.submit(servable.close)
        future.add_done_callback(lambda done: self._set_state(name, record, State.END))

    def _set_state(self, name, record, state):
        with self._changed:
            record.state = state
            self._changed.notify_all()
            listeners = list(self._listeners)
        if state in (State.AVAILABLE, State.UNLOADING) or (state == State.END and record.error is None):
            _LOG.info("%s: version %d is %s", name, record.version, State.Name(state))
        for listener in listeners:
            listener()


def _labels(config):
    return {model.name: dict(model.version_labels) for model in models_of(config)}
