internal import Glibc
internal import LabModel

/// What the host's file system can still take.
enum FreeSpace {
    /// Bytes an ordinary user may still write at `path` or, where that is not there yet, at the folder that would hold it.
    static func at(_ path: String) -> ByteCount? {
        var path = path
        while true {
            var status = statvfs()
            // Safe because the structure outlives the call.
            if unsafe statvfs(path, &status) == 0 {
                return ByteCount(bytes: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
            }
            guard errno == ENOENT, let slash = path.lastIndex(of: "/"), path.count > 1 else { return nil }
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
    }
}
