import { RECORD_DESCRIPTOR } from "./members.ts";

/** Runs beside each process, because whoever started it may die and be replaced by one that is not the parent and so learns no exit status.
 *  Arguments: the folder of the run, then the program and its arguments. It is the leader of the session and of the process group.
 *
 *  - The inner shell writes `<pid> <start time> <session>` to `process` and then becomes the program: so the record is there before the program's first instruction.
 *    The file is made with O_EXCL (`set -C`): whoever makes it first owns the run. An agent that finds a run without it makes it itself, and a shim that was only slow can no longer start anything.
 *  - Signals are caught, not ignored: caught ones go back to their default in the program, ignored ones would be ignored there, too. The program is run in the foreground, because a background one would ignore SIGINT and SIGQUIT.
 *  - The shell's own word about the end ("Killed") does not belong into the program's output: the outer shell has no stderr, and the inner one takes stdout for it (a redirection on the command itself would count for the outer shell, too, while it waits: dash).
 *  - The program inherits the record of its run as an open descriptor: by it what the program starts is known, too, when its environment is gone.
 *  - Exit status 125: the run was taken from the shim, or its record could not be written; nothing was started.
 *  - A file without a newline at its end is still being written, or the disk was full. */
export const SHIM: string = `trap : HUP INT QUIT TERM USR1 USR2
exec 2>/dev/null
run=$1
/bin/sh -c '
exec 2>&1
run=$1
shift
set_start() { start=\${20}; }
IFS= read -r stat < "/proc/$$/stat" || exit 125
set_start \${stat##*) }
exec ${RECORD_DESCRIPTOR}<"$run/intention.json" || exit 125
set -C
printf "%s %s %s\\n" "$$" "$start" "$PPID" > "$run/process" || exit 125
set +C
exec "$@"
' sh "$@"
status=$?
printf "%s\\n" "$status" > "$run/exit"
`;
