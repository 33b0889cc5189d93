import Host
import LabNetwork

/// The two files of a network's capture ring behind inherited descriptors. They are written here, and never read.
struct CaptureDescriptors: CaptureFiles {
    private let files: [SharedDescriptor]

    init(_ first: consuming Descriptor, _ second: consuming Descriptor) {
        files = [SharedDescriptor(first), SharedDescriptor(second)]
    }

    /// The file to begin with: an empty one, or that which was written longer ago.
    var oldest: Int {
        let written = files.map { file -> (seconds: Int64, nanoseconds: Int64) in
            let status = try? file.with { descriptor throws(OSError) in try descriptor.status() }
            guard let status, status.size > 0 else { return (0, 0) }
            return (status.modified, status.modifiedNanoseconds)
        }
        return written[1] < written[0] ? 1 : 0
    }

    mutating func empty(_ file: Int) -> Bool {
        (try? files[file].with { descriptor throws(OSError) in try descriptor.truncate(to: 0) }) != nil
    }

    mutating func write(_ bytes: [UInt8], to file: Int, at offset: UInt64) -> Int {
        let failed = (try? files[file].with { descriptor throws(OSError) in try descriptor.write(bytes, at: offset) }) == nil
        if !failed { return bytes.count }
        // How far it came, the file itself knows: it was as long as the offset before.
        let size = (try? files[file].with { descriptor throws(OSError) in try descriptor.status().size }) ?? offset
        return size < offset ? 0 : min(bytes.count, Int(clamping: size - offset))
    }

    mutating func cut(_ file: Int, to size: UInt64) {
        try? files[file].with { descriptor throws(OSError) in try descriptor.truncate(to: size) }
    }
}
