"""An inhibitor lock of systemd-logind, over D-Bus: Inhibit() of org.freedesktop.login1(5)."""

from __future__ import annotations

import os

from appliance.errors import WakeUnavailable

SECONDS = 5.0


def inhibit(what: str, who: str, why: str) -> int:
    """A descriptor: until its last copy is closed, logind blocks `what` ("sleep:idle").

    The connection does not matter to it, nor does a restart of logind. Blocks for some
    milliseconds: call it in a thread. Raises WakeUnavailable.
    """
    # not on a Mac, and not before there is something to hold
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    manager = DBusAddress(
        "/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager"
    )
    call = new_method_call(manager, "Inhibit", "ssss", (what, who, why, "block"))
    try:
        with open_dbus_connection("SYSTEM", enable_fds=True) as bus:
            (descriptor,) = unwrap_msg(bus.send_and_get_reply(call, timeout=SECONDS))
    except DBusErrorResponse as error:
        raise WakeUnavailable(f"logind refuses: {error}") from error
    except TimeoutError as error:
        raise WakeUnavailable(f"logind did not answer within {SECONDS:g} s") from error
    except (OSError, ValueError) as error:  # no bus; one that speaks otherwise
        raise WakeUnavailable(f"no system bus: {error}") from error
    number: int = descriptor.to_raw_fd()
    os.set_inheritable(number, False)
    return number
