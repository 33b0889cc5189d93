import Glibc
import Host
import LabNetwork

/// The files of a capture ring in a lab's state folder. Once seen they stay open, so that what `down` removes is still read to its end.
final class RingFiles: CaptureSource {
    private let paths: [String]
    private var files: [SharedDescriptor?]

    init(_ paths: [String]) {
        self.paths = paths
        files = paths.map { _ in nil }
    }

    func read(_ file: Int, at offset: UInt64, upTo limit: Int) -> [UInt8] {
        if files[file] == nil, let opened = try? Descriptor.open(paths[file], O_RDONLY | O_NOFOLLOW) {
            files[file] = SharedDescriptor(opened)
        }
        return (try? files[file]?.with { descriptor throws(OSError) in try descriptor.read(upTo: limit, at: offset) }) ?? []
    }

    /// True when a file that was open is not at its place any more: the lab went down, perhaps up again.
    var isGone: Bool {
        for (path, file) in zip(paths, files) {
            guard let file, let opened = try? file.with({ descriptor throws(OSError) in try descriptor.status() }) else { continue }
            guard let there = try? FileStatus(of: path), there.inode == opened.inode, there.device == opened.device else { return true }
        }
        return false
    }
}
