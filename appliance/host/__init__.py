"""What differs between the machines we run on: the clock, and the service manager.

Thin: each module wraps one thing of the operating system behind a port or a few functions, so
that everything above can be tested with time that jumps and a manager that is not there.
"""
