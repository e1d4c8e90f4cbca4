"""`dispatchctl doctor --attack`: what a hostile agent would try, tried from inside a real task.

    intruder     the attempts; this one file runs inside the task
    bombs        tasks that take more than they may, or stay when they should go
    stage        things worth stealing that are nobody's, and where the real ones are
    assault      starts the tasks, judges their connections, collects what became of the attempts
    findings     what an attempt came to, and which of them no wall of a kind can refuse
    command      as whom it runs, and how it is told

A check that reads a unit file says what was meant. This one says what is: the task is started the
way dispatchd starts one, by the same socket and with the same settings, in one of the projects;
dispatchd itself need not run. Whether an attempt was refused is said by the task where it would
have had the loot, and by us where only the outside can know.

Everything that could be damaged is ours and made for it: processes, files, sockets. Of what is
real, one byte is read and dropped, a socket is connected to and closed, a file is opened and not
written. Bombs have a bound that they stop at by themselves.

The same attempts are in our own tests, where they are shown to work when there is no wall.
"""
