"""What differs between the machines we run on.

    clock            the machine's time
    machine          its name, and this start of it
    service_manager  what we tell systemd, and what it gives us
    inhibit          how it is kept awake: logind, systemd-inhibit, caffeinate
    logind           an inhibitor lock over D-Bus
    lease            the program to whose life a hold is bound
    power            its battery
    usage            what tasks use of it
    zone             its time zone
    wake_on_lan      the packet that wakes another one

Thin: each module wraps one thing of the operating system behind a port or a few functions, so
that everything above can be tested with time that jumps and a manager that is not there.
"""
