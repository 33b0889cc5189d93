import Foundation
import Host

/// Debian's cloud kernel and its modules as `apt-get` delivers them, unpacked once into the build folder.
enum DebianKernel {
    /// Path of the bzImage.
    static func image() throws -> String {
        let boot = try folder() + "/boot"
        guard let name = try FileManager.default.contentsOfDirectory(atPath: boot).first(where: { $0.hasPrefix("vmlinuz-") }) else {
            throw BenchmarkError("the package of linux-image-cloud-amd64 holds no kernel")
        }
        return boot + "/" + name
    }

    /// Paths of modules, in the order of their names.
    static func modules(_ names: [String]) throws -> [String] {
        let folder = try folder() + "/lib/modules"
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return try names.map { name in
            guard let path = all.first(where: { $0.hasSuffix("/\(name).ko") }) else {
                throw BenchmarkError("the kernel has no module \(name)")
            }
            return folder + "/" + path
        }
    }

    private static func folder() throws -> String {
        let folder = URL(filePath: try Programs.current()).deletingLastPathComponent().appending(path: "bench-kernel").path
        let unpacked = folder + "/unpacked"
        if FileManager.default.fileExists(atPath: unpacked) { return unpacked }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = """
            set -e; cd '\(folder)'; rm -rf *
            package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ {print $2; exit}')
            apt-get download "$package" >&2; dpkg -x "$package"_*.deb part; rm "$package"_*.deb; mv part unpacked
            """
        _ = try Measurement.of("sh", ["-c", script])
        return unpacked
    }
}
