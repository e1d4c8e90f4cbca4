"""The programs that are in the image only; the package `dispatch-appliance` does the work.

    setup_file   what a machine is told: one TOML file, read and judged
    stick        that file on a stick, and how it is taken from there
    first_boot   brings the machine to what it was told, through `dispatchctl setup`
    screen       what the console shows: how it is, and the QR code to pair a phone
    agent        puts Claude Code on the state partition
    update       writes a signed newer version into the slot that is not in use
    slots        the two slots and the partition for start-up
    places       where they leave word for each other
    trial        what a new version finds is kept until it has shown that it works

They use the package's libraries, so they are installed beside it. None of them listens anywhere.
"""
