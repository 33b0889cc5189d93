internal import CLinux
internal import Glibc
internal import Host
internal import SystemPackage

/// The first and the last steps of the carrier's Linux.
enum Bringup {
    static func mountFileSystems() throws(OSError) {
        try mountOne("devtmpfs", "/dev")
        try mountOne("proc", "/proc")
        try mountOne("sysfs", "/sys")
        for (name, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
            try makeLink("/dev/" + name, to: "/proc/self/fd" + target)
        }
        // A program that is run here may expect a place for its own files.
        try makeFolder("/tmp", mode: 0o1777)
        try makeFolder("/run", mode: 0o755)
    }

    private static func mountOne(_ type: String, _ path: String) throws(OSError) {
        try makeFolder(path, mode: 0o755)
        // Safe because the kernel copies all three strings during the call.
        let result = unsafe mount(type, path, type, 0, nil)
        guard result == 0 else { throw OSError.current("mount \(type) at \(path)") }
    }

    /// A folder that is there already is as good.
    static func makeFolder(_ path: String, mode: mode_t) throws(OSError) {
        do throws(OSError) {
            try retrying("create the folder \(path)") { unsafe mkdir(path, mode) }
        } catch {
            if error.code != .fileExists { throw error }
        }
    }

    /// The folder at a path, and all above it.
    static func makeFolders(to path: String) throws(OSError) {
        var folder = ""
        for part in path.split(separator: "/") {
            folder += "/" + part
            try makeFolder(folder, mode: 0o755)
        }
    }

    /// Lets programs have large pages at once. Linux turns them off where memory is small, as it is here; under nested paging they cut a guest's exits
    /// at boot to a seventh. A kernel without them goes without.
    static func offerLargePages() {
        for name in ["enabled", "defrag"] {
            guard let file = try? Descriptor.open("/sys/kernel/mm/transparent_hugepage/\(name)", O_WRONLY) else { return }
            try? file.writeAll(Array("madvise".utf8))
        }
    }

    static func makeFolders(above path: String) throws(OSError) {
        try makeFolders(to: String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
    }

    /// Something that is there already is as good.
    static func makeLink(_ path: String, to target: String) throws(OSError) {
        // Safe because the kernel copies both strings during the call.
        guard unsafe symlink(target, path) != 0 else { return }
        let error = OSError.current("create the link \(path)")
        if error.code != .fileExists { throw error }
    }

    /// Loads what `/modules` lists, a path a line, in that order, and forgets the files: their memory and their folders are
    /// the program's.
    static func loadModules() throws(OSError) {
        let list = String(decoding: try readSmallFile("/modules"), as: UTF8.self)
        for path in list.split(separator: "\n") {
            let file = try Descriptor.open(String(path), O_RDONLY)
            // Safe because the parameter string outlives the call.
            let result = unsafe "".withCString { parameters in
                syscall3(Int(SYS_finit_module), Int(file.number), Int(bitPattern: parameters), 0)
            }
            if result != 0 {
                let error = OSError.current("load the module \(path)")
                if error.code != .fileExists { throw error }
            }
            remove(String(path))
        }
    }

    /// Removes a file and the folders above it that are empty then. What stays is in nobody's way.
    private static func remove(_ path: String) {
        // Safe because the kernel copies the paths during the calls.
        _ = unsafe unlink(path)
        var folder = path[...]
        while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
            folder = folder[..<slash]
            guard unsafe rmdir(String(folder)) == 0 else { return }
        }
    }

    /// One line on the serial console.
    static func say(_ text: String) {
        try? Borrowed(STDERR_FILENO).writeAll(Array("vmlab-carrier-init: \(text)\n".utf8))
    }

    static func powerOff() -> Never {
        sync()
        _ = reboot(CInt(bitPattern: UInt32(RB_POWER_OFF)))
        // Only without the privilege to, which process 1 has: the kernel panics when it ends, and the carrier is gone too.
        exit(1)
    }
}
