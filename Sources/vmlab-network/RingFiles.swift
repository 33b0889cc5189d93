import Host
import LabNetwork

/// The two files of one network's capture, open since the start.
struct RingFiles: CaptureFiles {
    private let files: [SharedDescriptor]

    /// - Parameter numbers: two; they are ours from now on.
    init(_ numbers: [Int32]) { files = numbers.map { SharedDescriptor(Descriptor(owning: $0)) } }

    /// The one to begin with: that which was written longer ago.
    var older: Int {
        let times = files.map { file in
            let status = try? file.with { descriptor throws(OSError) in try descriptor.status() }
            return (status?.modified ?? 0, status?.modifiedNanoseconds ?? 0)
        }
        return times.count == 2 && times[1] < times[0] ? 1 : 0
    }

    mutating func empty(_ file: Int) -> Bool {
        do throws(OSError) {
            try files[file].with { descriptor throws(OSError) in try descriptor.truncate(to: 0) }
            return true
        } catch {
            return false
        }
    }

    mutating func write(_ bytes: [UInt8], to file: Int, at offset: UInt64) -> Int {
        do throws(OSError) {
            try files[file].with { descriptor throws(OSError) in try descriptor.write(bytes, at: offset) }
            return bytes.count
        } catch {
            // What did get there is the file's end now.
            let size = (try? files[file].with { descriptor throws(OSError) in try descriptor.size() }) ?? offset
            return size > offset ? Int(clamping: min(size - offset, UInt64(bytes.count))) : 0
        }
    }

    mutating func cut(_ file: Int, to size: UInt64) {
        try? files[file].with { descriptor throws(OSError) in try descriptor.truncate(to: size) }
    }
}
