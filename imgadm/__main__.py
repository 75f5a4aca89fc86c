"""The ``imgadm`` program, by its shortest path: everything else is imported when it is needed."""

import sys

_STATUS_OF_SIGPIPE = 141
_STATUS_OF_SIGINT = 130


def main() -> int:
    """Run the command line of this process and return its exit status."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from imgadm.cli.output.terminal import open_missing_streams

        open_missing_streams()
    try:
        if sys.argv[1:] == ["--version"]:
            from imgadm import __version__

            sys.stdout.write(f"imgadm {__version__}\n")
            sys.stdout.flush()
            return 0
        from imgadm.cli.main import run_command_line

        return run_command_line(sys.argv[1:])
    except BrokenPipeError:
        # Nobody reads on, as in "imgadm list | head -1": end as other programs do, and keep the
        # interpreter from complaining when it flushes at exit.
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _STATUS_OF_SIGPIPE
    except KeyboardInterrupt:
        sys.stderr.write("imgadm: error (Interrupted): interrupted\n")
        return _STATUS_OF_SIGINT


def program() -> None:
    """Run the command line of this process and end the process.

    Not by ``sys.exit``: Python would take apart what it holds object by object first, which takes
    as long for ten thousand images as to print them. Nothing waits for that: output is flushed, and
    what was begun is finished or rolled back by now.
    """
    status = main()
    import os

    os._exit(status)


if __name__ == "__main__":
    program()
