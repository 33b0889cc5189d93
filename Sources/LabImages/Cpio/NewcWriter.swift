/// Writes a cpio archive in the "newc" form that the kernel unpacks as its initramfs.
///
///     header: 110 bytes of text: "070701" then 13 fields of 8 hexadecimal digits
///         inode mode uid gid links mtime size devmajor devminor rdevmajor rdevminor namesize check
///     name, NUL, zeros to a multiple of 4
///     data, zeros to a multiple of 4
///     ... and an entry named "TRAILER!!!" ends the archive.
///
/// Repeatable by construction: inodes count from 1, every time is 0, every owner is root. Files are kept whole in memory,
/// which suits what it is for: a carrier's few megabytes.
/// Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
package struct NewcWriter {
    /// The archive so far; whole after `finish()`.
    package private(set) var bytes: [UInt8] = []
    private var inode: UInt32 = 0

    package init() {}

    /// An archive that follows another one, compressed or not, as part of the same initramfs: what it holds replaces what that one held.
    package init(after archive: [UInt8]) {
        bytes = archive
        pad()
    }

    /// Names are relative, as `find | cpio` would give them; a folder goes in before what it holds.
    package mutating func directory(_ name: String, mode: UInt32 = 0o755) { entry(name, mode: 0o040000 | mode, links: 2, data: []) }

    package mutating func file(_ name: String, mode: UInt32, data: [UInt8]) {
        entry(name, mode: 0o100000 | mode, links: 1, data: data)
    }

    package mutating func symlink(_ name: String, target: String) {
        entry(name, mode: 0o120777, links: 1, data: Array(target.utf8))
    }

    package mutating func characterDevice(_ name: String, mode: UInt32, major: UInt32, minor: UInt32) {
        entry(name, mode: 0o020000 | mode, links: 1, data: [], device: (major, minor))
    }

    /// Ends the archive. The kernel goes on with what follows at the next multiple of 4, so another archive may be appended.
    package mutating func finish() {
        inode = 0
        write(header: "TRAILER!!!", inode: 0, mode: 0, links: 1, size: 0, device: (0, 0))
    }

    private mutating func entry(
        _ name: String, mode: UInt32, links: UInt32, data: [UInt8], device: (major: UInt32, minor: UInt32) = (0, 0)
    ) {
        // A size field has 32 bits; a carrier's largest file has a few megabytes.
        let size = UInt32(data.count)
        inode += 1
        write(header: name, inode: inode, mode: mode, links: links, size: size, device: device)
        bytes += data
        pad()
    }

    private mutating func write(
        header name: String, inode: UInt32, mode: UInt32, links: UInt32, size: UInt32, device: (major: UInt32, minor: UInt32)
    ) {
        let name = Array(name.utf8) + [0]
        bytes += Array("070701".utf8)
        let fields = [inode, mode, 0, 0, links, 0, size, 0, 0, device.major, device.minor, UInt32(name.count), 0]
        for field in fields { bytes += hexadecimal(field) }
        bytes += name
        pad()
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    private func hexadecimal(_ value: UInt32) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return (0..<8).map { digits[Int(value >> (28 - 4 * UInt32($0)) & 15)] }
    }
}
