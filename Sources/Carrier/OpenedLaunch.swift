internal import Glibc
internal import Host
internal import LabModel

/// A launch with everything it names opened and checked; both ways of starting a machine begin here, so both refuse the same.
struct OpenedLaunch {
    var streams: [Stream] = []
    var files: [File] = []

    struct Stream {
        var number: CInt
        var name: String
        /// `nil` where the caller has the other end.
        var ours: SharedDescriptor?
        var theirs: SharedDescriptor
    }

    /// Our ends, of those streams that have one.
    var ours: [(name: String, descriptor: SharedDescriptor)] {
        streams.compactMap { stream in stream.ours.map { (stream.name, $0) } }
    }

    struct File {
        enum Kind {
            case disk(writable: Bool)
            case blob
        }
        var number: CInt
        var kind: Kind
        var file: SharedDescriptor
        var size: UInt64
    }

    /// 0 to 2 are the standard streams. A machine has far fewer than the upper bound.
    private static let numbers: Range<Int32> = 3..<512
    private static let sector: UInt64 = 512
    /// A virtio port's name; QEMU and Linux take more.
    private static let longestName = 64

    /// - Parameter ends: what the machine gets for the streams of these names.
    init(_ launch: MachineLaunch, ends: [String: SharedDescriptor] = [:]) throws(CarrierError) {
        var seen: Set<Int32> = []
        var names: Set<String> = ["carrier"]
        for descriptor in launch.descriptors {
            guard Self.numbers.contains(descriptor.number), seen.insert(descriptor.number).inserted else {
                throw CarrierError(
                    .launchWrong, "the launch of \(launch.machine) names descriptor \(descriptor.number) twice, or out of range")
            }
            switch descriptor.kind {
            case .stream(let name):
                guard !name.isEmpty, name.utf8.count <= Self.longestName, names.insert(name).inserted else {
                    throw CarrierError(.launchWrong, "the launch of \(launch.machine) has no use for a stream called `\(name)`")
                }
                if let end = ends[name] {
                    streams.append(Stream(number: descriptor.number, name: name, ours: nil, theirs: end))
                } else {
                    streams.append(try Self.stream(descriptor.number, name))
                }
            case .disk(let path, let writable):
                files.append(try Self.disk(descriptor.number, path, writable: writable))
            case .blob(let path):
                files.append(try Self.file(descriptor.number, path, O_RDONLY, .blob))
            }
        }
    }

    private static func stream(_ number: Int32, _ name: String) throws(CarrierError) -> Stream {
        try carrierErrors { () throws(OSError) in
            let ends = try UnixSocket.pair().split()
            let ours = Descriptor(owning: ends.ours)
            let theirs = Descriptor(owning: ends.theirs)
            try ours.setNonBlocking()
            return Stream(number: number, name: name, ours: SharedDescriptor(ours), theirs: SharedDescriptor(theirs))
        }
    }

    private static func disk(_ number: Int32, _ path: String, writable: Bool) throws(CarrierError) -> File {
        let disk = try file(number, path, writable ? O_RDWR : O_RDONLY, .disk(writable: writable))
        guard disk.size > 0, disk.size % sector == 0 else {
            throw CarrierError(
                .launchWrong, "the disk \(path) has \(disk.size) bytes, which is not a whole number of \(sector)-byte sectors")
        }
        guard writable else { return disk }
        // Held by whoever has this opening: us while we start the machine, then the monitor or the QEMU round it, to its end.
        let isLocked = try carrierErrors { () throws(OSError) in try disk.file.with { file throws(OSError) in try file.lock() } }
        guard isLocked else {
            throw CarrierError(
                .inputBusy, "the disk \(path) is in use: another machine writes to it, or an image is made of it; stop that one first")
        }
        return disk
    }

    private static func file(_ number: Int32, _ path: String, _ flags: CInt, _ kind: File.Kind) throws(CarrierError) -> File {
        try carrierErrors(.inputMissing) { () throws(OSError) in
            let file = try Descriptor.open(path, flags)
            let size = try file.size()
            // Finding the size moved to the end; the monitor may read from where it is.
            try retrying("rewind \(path)") { lseek(file.number, 0, SEEK_SET) }
            return File(number: number, kind: kind, file: SharedDescriptor(file), size: size)
        }
    }
}
