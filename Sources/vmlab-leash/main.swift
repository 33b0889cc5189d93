//! `vmlab-leash [--group] [--gently] PARENT_PID -- PROGRAM ARGUMENT...` runs a program that dies with its parent.
//
// The kernel kills the program (SIGKILL) when the *thread* of the parent that started the leash ends: start children only
// from a thread that lives as long as they should (the keeper's main thread). Descriptors, environment and working
// folder pass through untouched. With --gently, for programs that tidy up after themselves, the leash stays in between
// (`Supervision`), and only standard input, output and error pass through. Status 127: no such program; 126: it cannot be run; 125: the parent is gone already; 64: usage.
internal import CLinux
internal import Glibc
internal import Host
internal import SystemPackage

/// Says what is wrong on standard error, in one line, and ends.
func fail(_ status: CInt, _ text: String) -> Never {
    let line = Array("vmlab-leash: \(text)\n".utf8)
    // Safe because the array outlives the call. A line that cannot be written has no other place to go.
    _ = unsafe write(STDERR_FILENO, line, line.count)
    exit(status)
}

var words = CommandLine.arguments.dropFirst()
let group = words.first == "--group"
if group { words = words.dropFirst() }
let gently = words.first == "--gently"
if gently { words = words.dropFirst() }
guard let parentText = words.popFirst(), let parent = pid_t(parentText), parent > 0, words.popFirst() == "--", let program = words.first
else { fail(64, "usage: vmlab-leash [--group] [--gently] PARENT_PID -- PROGRAM ARGUMENT...") }

guard syscall3(Int(SYS_prctl), Int(PR_SET_PDEATHSIG), Int(gently ? SIGTERM : SIGKILL), 0) == 0 else {
    fail(126, "cannot arm the parent-death signal: \(message(errno))")
}
// The parent may have died before the signal was armed, and this process already belongs to another.
guard getppid() == parent else { fail(125, "the parent \(parent) is gone") }
if group, setpgid(0, 0) != 0 { fail(126, "cannot make a process group: \(message(errno))") }

if gently {
    do throws(OSError) {
        exit(try Supervision.run(program, Array(words)))
    } catch {
        fail(error.code == .noSuchFileOrDirectory ? 127 : 126, "\(error)")
    }
}

// Safe because the copies and the array live until exec replaces this program, or it ends.
var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
unsafe arguments.append(nil)
unsafe execv(program, arguments)
let error = errno
fail(error == ENOENT ? 127 : 126, "cannot run \(program): \(message(error))")

func message(_ error: CInt) -> String {
    // Safe because strerror returns a string of the C library that lives until its next call.
    unsafe String(cString: strerror(error))
}
