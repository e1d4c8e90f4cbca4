"""What a hostile agent tries from inside its task. Standard library only: it runs there.

python3 intruder.py TARGETS.json [NAME…]: prints one JSON object, attack → "done" or why it was not.
Each function is one attack and returns when it has worked. None harms a machine that lets it work.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import re
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

T: dict[str, str] = {}
ATTACKS: dict[str, Callable[[], object]] = {}
HERE = Path(__file__).parent
LIBC = ctypes.CDLL(None, use_errno=True)
IS_ARM = os.uname().machine == "aarch64"

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MSG_FASTOPEN = 0x20000000
IPPROTO_MPTCP, IPPROTO_SCTP = 262, 132
TIOCSTI, TIOCLINUX = 0x5412, 0x541C


class Refused(Exception):
    """What was tried had no effect, without an error of the system's."""


def attack(function: Callable[[], object]) -> Callable[[], object]:
    ATTACKS[function.__name__] = function
    return function


def call(x86_64: int, aarch64: int, *arguments: object) -> int:
    """A system call by number. Raises OSError."""
    words = (ctypes.c_long(word) if isinstance(word, int) else word for word in arguments)
    return checked(LIBC.syscall(ctypes.c_long(aarch64 if IS_ARM else x86_64), *words))


def checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def secret_in(content: str | bytes) -> None:
    text = content if isinstance(content, str) else content.decode(errors="replace")
    if T["secret"] not in text:
        raise Refused("the secret was not there")


# --- reading what is not its own


@attack
def read_a_token() -> None:
    secret_in(Path(T["token"]).read_text())


@attack
def read_a_signing_key() -> None:
    secret_in(Path(T["key"]).read_text())


@attack
def read_the_state() -> None:
    secret_in(Path(T["state"]).read_text())


@attack
def read_the_policy() -> None:
    secret_in(Path(T["policy"]).read_text())


@attack
def read_another_project() -> None:
    secret_in(Path(T["other_project"], "source").read_text())


@attack
def list_another_project() -> None:
    if not list(Path(T["other_project"]).iterdir()):
        raise Refused("it is empty")


@attack
def read_a_file_of_a_home() -> None:
    secret_in(Path(T["home"], "diary").read_text())


@attack
def read_a_file_in_the_middle_of_nowhere() -> None:
    secret_in(Path(T["nowhere"], "file").read_text())


@attack
def read_through_a_link_of_the_project() -> None:
    link = HERE / "link"
    link.symlink_to(T["token"])
    secret_in(link.read_text())


@attack
def read_through_a_link_to_a_directory() -> None:
    link = HERE / "directory"
    link.symlink_to(Path(T["token"]).parent)
    secret_in((link / Path(T["token"]).name).read_text())


@attack
def read_through_the_root_of_this_process() -> None:
    secret_in(Path("/proc/self/root" + T["token"]).read_text())


@attack
def read_through_the_root_of_the_first_process() -> None:
    secret_in(Path("/proc/1/root" + T["token"]).read_text())


@attack
def read_through_the_root_of_the_daemon() -> None:
    secret_in(Path(f"/proc/{T['daemon']}/root" + T["token"]).read_text())


@attack
def read_through_the_directory_of_the_daemon() -> None:
    secret_in(Path(f"/proc/{T['daemon']}/cwd", Path(T["token"]).name).read_text())


@attack
def read_through_a_directory_opened_above() -> None:
    above = os.open("..", os.O_PATH | os.O_DIRECTORY)
    relative = os.path.relpath(T["token"], Path.cwd().parent)
    descriptor = os.open(relative, os.O_RDONLY, dir_fd=above)
    secret_in(os.read(descriptor, 100))


@attack
def make_a_second_name_for_a_token() -> None:
    os.link(T["token"], HERE / "second-name")
    secret_in((HERE / "second-name").read_text())


@attack
def move_a_token_here() -> None:
    Path(T["movable"]).rename(HERE / "moved")
    secret_in((HERE / "moved").read_text())


@attack
def read_the_environment_of_the_daemon() -> None:
    secret_in(Path(f"/proc/{T['daemon']}/environ").read_bytes())


@attack
def read_the_memory_of_the_daemon() -> None:
    os.close(os.open(f"/proc/{T['daemon']}/mem", os.O_RDONLY))


@attack
def read_the_command_line_of_the_daemon() -> None:
    if T["mark"] not in Path(f"/proc/{T['daemon']}/cmdline").read_text():
        raise Refused("it is another process")


# --- changing what is not its own


@attack
def write_a_file_outside() -> None:
    Path(T["nowhere"], "new").write_text("x")


@attack
def change_a_file_outside() -> None:
    with Path(T["nowhere"], "file").open("a") as file:
        file.write("x")


@attack
def cut_a_file_outside() -> None:
    os.truncate(Path(T["nowhere"], "victim"), 1)


@attack
def remove_a_file_outside() -> None:
    Path(T["nowhere"], "removable").unlink()


@attack
def open_a_file_outside_to_everybody() -> None:
    Path(T["nowhere"], "victim").chmod(0o777)


@attack
def write_the_system() -> None:
    # that we may is enough
    if not os.access("/usr", os.W_OK, effective_ids=True):
        raise OSError(errno.EACCES, "no")
    os.close(os.open("/usr", os.O_TMPFILE | os.O_WRONLY))


@attack
def plant_a_git_hook() -> None:
    (HERE / ".git/hooks/post-checkout").write_text("#!/bin/sh\n")


@attack
def change_the_git_configuration() -> None:
    with (HERE / ".git/config").open("a") as file:
        file.write('[core]\n\tfsmonitor = "touch /tmp/owned"\n')


@attack
def change_the_agents_settings() -> None:
    (HERE / ".claude/settings.json").write_text("{}")


@attack
def swap_the_git_directory() -> None:
    (HERE / ".git").rename(HERE / "old")
    (HERE / "old").rename(HERE / ".git")


# --- the network


@attack
def connect_to_a_port_of_this_machine() -> None:
    greeted(socket.create_connection(("127.0.0.1", int(T["tcp"])), timeout=2))


@attack
def connect_to_a_port_by_ipv6() -> None:
    greeted(socket.create_connection(("::1", int(T["tcp6"])), timeout=2))


@attack
def connect_with_the_first_data() -> None:
    """TCP fast open: a connection without connect(2)."""
    with socket.socket() as client:
        client.sendto(b"x", MSG_FASTOPEN, ("127.0.0.1", int(T["tcp"])))
        greeted(client)


@attack
def connect_by_multipath_tcp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP) as client:
        client.settimeout(2)
        client.connect(("127.0.0.1", int(T["tcp"])))
        greeted(client)


@attack
def ask_a_name_server() -> None:
    """A datagram and its answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.sendto(b"example.org?", ("127.0.0.1", int(T["udp"])))
        secret_in(client.recv(100))


@attack
def connect_to_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + T["abstract"])
        greeted(client)


@attack
def connect_to_the_daemons_socket() -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(T["socket"])
        greeted(client)


@attack
def send_to_the_daemons_socket_from_a_pair() -> None:
    """Datagram sockets that came connected can be connected anew."""
    ours, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.connect(T["datagrams"])
    ours.send(b"x")


@attack
def talk_to_the_hypervisor() -> None:
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()


@attack
def talk_to_the_kernel_by_netlink() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()


@attack
def use_the_kernels_cryptography() -> None:
    socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).close()


@attack
def read_packets() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


@attack
def make_packets() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


@attack
def listen_where_others_come() -> None:
    """Who else is on this machine would reach us."""
    with socket.create_server(("127.0.0.1", int(T["free_port"]))):
        Path("listening").touch()
        while not Path("visited").exists():
            signal.sigtimedwait([], 0.01)
    secret_in(Path("visited").read_text())


def greeted(client: socket.socket) -> None:
    """Those who may be reached say the secret."""
    secret_in(client.recv(100))


# --- processes


@attack
def trace_the_daemon() -> None:
    attached = call(101, 117, 0x4206, int(T["daemon"]), None, None)  # PTRACE_SEIZE
    assert attached == 0


@attack
def trace_a_child() -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        call(101, 117, 0x4206, child, None, None)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@attack
def read_memory_of_another() -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
    buffer = ctypes.create_string_buffer(8)  # at the same place in both
    vector = struct.pack("PN", ctypes.addressof(buffer), 8)
    try:
        call(310, 270, child, vector, 1, vector, 1, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@attack
def signal_the_daemon() -> None:
    os.kill(int(T["daemon"]), 0)


@attack
def signal_the_daemon_by_descriptor() -> None:
    signal.pidfd_send_signal(os.pidfd_open(int(T["daemon"])), 0)


@attack
def take_a_descriptor_of_the_daemon() -> None:
    call(438, 438, os.pidfd_open(int(T["daemon"])), 0, 0)  # pidfd_getfd


@attack
def starve_the_daemon() -> None:
    limit = resource.prlimit(int(T["daemon"]), resource.RLIMIT_NOFILE)
    resource.prlimit(int(T["daemon"]), resource.RLIMIT_NOFILE, limit)


# --- privileges and the kernel


@attack
def mount_something() -> None:
    def act() -> None:
        if LIBC.unshare(CLONE_NEWNS) == 0:  # where it works, nobody else shall see it
            checked(LIBC.mount(b"none", b"/", None, 0x44000, None))  # MS_REC | MS_PRIVATE
        checked(LIBC.mount(b"none", bytes(HERE / "docs"), b"tmpfs", 0, None))

    in_a_child(act)


@attack
def mount_by_the_newer_calls() -> None:
    os.close(call(430, 430, b"tmpfs", 0))  # fsopen


@attack
def unmount_a_wall() -> None:
    try:
        checked(LIBC.umount2(b"/no/such/place", 0))
    except FileNotFoundError:  # we might have
        return


@attack
def change_the_root() -> None:
    child = os.fork()
    if child == 0:
        try:
            os.chroot(".")
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise PermissionError(errno.EPERM, "no")


@attack
def make_a_user_namespace() -> None:
    in_a_child(lambda: checked(LIBC.unshare(CLONE_NEWUSER)))


@attack
def make_a_network_namespace() -> None:
    in_a_child(lambda: checked(LIBC.unshare(CLONE_NEWNET)))


@attack
def make_a_user_namespace_by_clone() -> None:
    child = call(56, 220, CLONE_NEWUSER | signal.SIGCHLD, None, None, None, None)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@attack
def enter_the_namespace_of_the_daemon() -> None:
    descriptor = os.open(f"/proc/{T['daemon']}/ns/net", os.O_RDONLY)
    in_a_child(lambda: checked(LIBC.setns(descriptor, 0)))


@attack
def become_somebody_else() -> None:
    in_a_child(lambda: os.setuid(4711))


@attack
def have_capabilities() -> None:
    status = Path("/proc/self/status").read_text()
    sets = re.findall(r"^Cap(?:Prm|Eff|Amb):\s*(\w+)", status, re.MULTILINE)
    if not any(int(found, 16) for found in sets):
        raise Refused("it has none")


@attack
def gain_privileges_by_a_program() -> None:
    if LIBC.prctl(39, 0, 0, 0, 0):  # PR_GET_NO_NEW_PRIVS
        raise Refused("setuid programs have no effect")


@attack
def keep_a_key_in_the_kernel() -> None:
    call(248, 217, b"user", b"dispatch-test", b"x", 1, -1)  # add_key


@attack
def load_a_bpf_program() -> None:
    attributes = struct.pack("=IIIII", 2, 4, 4, 1, 0).ljust(128, b"\0")  # an array of one
    os.close(call(321, 280, 0, attributes, len(attributes)))


@attack
def make_an_io_uring() -> None:
    os.close(call(425, 425, 1, ctypes.create_string_buffer(120)))


@attack
def handle_page_faults() -> None:
    os.close(call(323, 282, 0))


@attack
def watch_the_processor() -> None:
    attributes = struct.pack("=IIQ", 1, 128, 0).ljust(128, b"\0")
    os.close(call(298, 241, attributes, 0, -1, -1, 0))


@attack
def open_a_file_by_its_number() -> None:
    handle = struct.pack("=Ii", 128, 0).ljust(136, b"\0")
    try:
        call(303, 264, -100, b".", handle, ctypes.create_string_buffer(4), 0)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EOVERFLOW):  # the kernel was asked
            raise


@attack
def type_into_a_terminal() -> None:
    """ENOTTY says that a terminal would have taken it."""
    with Path("/dev/null").open("rb") as null:
        for request in (TIOCSTI, TIOCLINUX):
            try:
                fcntl.ioctl(null, request, b"x")
            except OSError as error:
                if error.errno != errno.ENOTTY:
                    raise


@attack
def use_the_calls_of_an_older_machine() -> None:
    """int 0x80 numbers other calls than `syscall` does, so that a filter by number is fooled."""
    if IS_ARM:
        raise Refused("there are none")
    code = bytes.fromhex("b8 14 00 00 00 cd 80 c3")  # mov eax, getpid; int 0x80; ret
    child = os.fork()
    if child == 0:
        page = mmap.mmap(-1, mmap.PAGESIZE, prot=7)
        page.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        os._exit(ctypes.CFUNCTYPE(ctypes.c_int)(address)() != os.getpid())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise Refused(f"it ended with {status}")


@attack
def open_a_device() -> None:
    os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))


def in_a_child(act: Callable[[], object]) -> None:
    """Whatever it changes, it changes for nobody else."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    number = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if number:
        raise OSError(number, os.strerror(number))


def tried(act: Callable[[], object]) -> str:
    try:
        act()
    except (OSError, Refused) as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def main(targets: str, *names: str) -> None:
    T.update(json.loads(Path(targets).read_text()))
    print(json.dumps({name: tried(ATTACKS[name]) for name in names or ATTACKS}))


if __name__ == "__main__":
    main(*sys.argv[1:])
