internal import CarrierLink
internal import Glibc
internal import Host

/// What the host announces before the program starts: descriptors at their numbers, and files.
struct Preparation {
    private(set) var descriptors: [(number: CInt, file: SharedDescriptor)] = []
    private var content: Content?

    /// The blob or file whose bytes are arriving.
    private struct Content {
        var file: SharedDescriptor
        var left: UInt64
        var doing: String
    }

    enum Failure: Error {
        case system(OSError)
        case nonsense(LinkError)
    }

    mutating func open(stream name: String, at number: CInt) throws(OSError) {
        descriptors.append((number, SharedDescriptor(try Devices.openPort(name))))
    }

    mutating func open(disk serial: String, writable: Bool, at number: CInt) throws(OSError) {
        descriptors.append((number, SharedDescriptor(try Devices.openDisk(serial, writable: writable))))
    }

    mutating func begin(blobAt number: CInt, size: UInt64) throws(OSError) {
        let file = SharedDescriptor(try Descriptor.memory(name: "blob \(number)"))
        descriptors.append((number, file))
        content = Content(file: file, left: size, doing: "the blob at descriptor \(number)")
    }

    mutating func begin(file path: String, mode: UInt16, size: UInt64) throws(OSError) {
        try Bringup.makeFolders(above: path)
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: UInt32(mode))
        try retrying("set the mode of \(path)") { fchmod(file.number, mode_t(mode)) }
        content = Content(file: SharedDescriptor(file), left: size, doing: path)
    }

    /// What is there already stays: the kit has a few folders of its own.
    func link(_ path: String, to target: String) throws(OSError) {
        try Bringup.makeFolders(above: path)
        try Bringup.makeLink(path, to: target)
    }

    mutating func write(_ bytes: [UInt8]) throws(Failure) {
        guard let current = content, UInt64(bytes.count) <= current.left else { throw .nonsense(LinkError("bytes that belong to no file")) }
        do throws(OSError) {
            try current.file.with { file throws(OSError) in try file.writeAll(bytes) }
        } catch {
            throw .system(OSError(error.code, "store \(current.doing): \(error.doing)"))
        }
        content?.left -= UInt64(bytes.count)
    }

    /// Everything that was announced must be whole; blobs are read from their beginning, as files just opened are.
    mutating func finish() throws(Failure) {
        if let content, content.left > 0 { throw .nonsense(LinkError("\(content.left) bytes too few for \(content.doing)")) }
        content = nil
        for entry in descriptors { _ = lseek(entry.file.number, 0, SEEK_SET) }
    }

    /// Lets go of everything: the program has its own copies.
    mutating func release() {
        descriptors = []
        content = nil
    }
}
