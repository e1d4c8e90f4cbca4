"""Speech, written down on this machine.

    transcriber.py   the port `Transcriber`: runs `listen.py` where tasks run
    listen.py        the program: sound by standard input, words by standard output

Sound is decoded and understood by libraries in C that take whatever somebody recorded. So that is
done behind the same wall as an agent's work, as the agent's user, in an empty project: without a
network, with a limit for memory and time, and with none of our files in sight but the model.

It never decides what becomes of the words: they are shown to whoever spoke, who says whether they
are a task.

The libraries are whisper.cpp (`pywhispercpp`, MIT) and FFmpeg (`av`, BSD with LGPL inside), 40 MB
of wheels together. faster-whisper would need three times as much, and its models a directory.
"""
