"""The configuration of this host, upgraded to the current layout if it is older."""

from __future__ import annotations

from collections.abc import Callable

from imgadm.base import logs
from imgadm.base.errors import ImgadmError
from imgadm.base.settings import Settings
from imgadm.state.configuration import CURRENT_VERSION, Configuration


def open_configuration(settings: Settings, *, notify: Callable[[str], None]) -> Configuration:
    """Return the configuration, after an upgrade of state of an older version.

    ``notify`` gets a line for each upgraded part, and for each part that could not be upgraded. If
    this user may not write the state, it is read as if it had been upgraded. Raises ConfigError and
    FileSystemError.
    """
    path = settings.configuration_path
    configuration = Configuration.load(path)
    if configuration.upgraded_to == CURRENT_VERSION:
        return configuration
    from imgadm.base.locks.command_locks import Locks
    from imgadm.base.locks.holder import shown_holder
    from imgadm.operations.upkeep.upgrade_state import (
        add_source_types,
        needs_upgrade,
        upgrade_state,
    )

    if not needs_upgrade(configuration):
        return configuration
    try:
        locks = Locks(settings.lock_directory, "imgadm: upgrade of the state")
        with locks.state(
            on_wait=lambda holder: notify(
                "imgadm: warning: waiting for the configuration, which is locked by "
                f"{shown_holder(holder)}"
            )
        ):
            configuration = Configuration.load(path)
            upgrade_state(settings, configuration, notify=notify)
    except ImgadmError as error:
        fields = {"fields": {"upgrade": True}}
        logs.logger().info("could not upgrade: %s", error.message, extra=fields)
        configuration = Configuration.load(path)
        add_source_types(configuration)
    return configuration
