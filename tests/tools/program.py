"""Starts the program as subprocess.run does, and in a sixth of the time where tests/tools/program_forks.cpp is built
beside it: most of a start is the loading of libraries, and tests start the program a thousand times. The slow entries
of ctest (GRIDLOCK_ALL) start the program itself."""

import array
import atexit
import os
import signal
import socket
import struct
import subprocess

_servers = {}  # by path: the server's end of the socket


def _server(path):
    """The socket of a server that forks; None where there is none."""
    if path not in _servers:
        _servers[path] = None
        if os.access(path, os.X_OK) and not os.environ.get("GRIDLOCK_ALL"):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
            process = subprocess.Popen([path], stdin=theirs)
            theirs.close()
            atexit.register(lambda: (ours.close(), process.wait()))
            _servers[path] = ours
    return _servers[path]


def _file(content=b""):
    """A file in memory."""
    file = os.fdopen(os.memfd_create("stream"), "w+b")
    file.write(content)
    file.seek(0)
    return file


def _forked(server, arguments, cwd, env, streams, timeout):
    words = [os.fspath(cwd or os.getcwd()), str(len(arguments)), *arguments, *(f"{k}={v}" for k, v in env.items())]
    packet = b"".join(os.fsencode(word) + b"\0" for word in words)
    descriptors = array.array("i", [stream if isinstance(stream, int) else stream.fileno() for stream in streams])
    server.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    child, = struct.unpack("i", server.recv(4))
    server.settimeout(timeout)
    late = False
    try:
        status = server.recv(4)
    except socket.timeout:
        late = True
        os.kill(child, signal.SIGKILL)
        server.settimeout(None)
        status = server.recv(4)
    server.settimeout(None)
    if late:
        raise subprocess.TimeoutExpired(arguments, timeout)
    return os.waitstatus_to_exitcode(struct.unpack("i", status)[0])


def run(arguments, *, cwd=None, env=None, input=None, capture_output=False, text=False, check=False, timeout=None):
    """As subprocess.run of the program, whose path is the first argument."""
    arguments = [os.fspath(word) for word in arguments]
    server = _server(arguments[0] + "_forks")
    if server is None:
        return subprocess.run(arguments, cwd=cwd, env=env, input=input, capture_output=capture_output, text=text,
                              check=check, timeout=timeout)
    given = input.encode() if text and input is not None else input
    streams = [0 if given is None else _file(given), *((_file(), _file()) if capture_output else (1, 2))]
    code = _forked(server, arguments, cwd, os.environ if env is None else env, streams, timeout)
    written = [None, None]
    if capture_output:
        for i, file in enumerate(streams[1:]):
            file.seek(0)
            written[i] = file.read().decode() if text else file.read()
    for stream in streams:
        if not isinstance(stream, int):
            stream.close()
    done = subprocess.CompletedProcess(arguments, code, *written)
    if check:
        done.check_returncode()
    return done
