/// What a Debian kernel package has for a carrier: the kernel, and some modules by name.
struct KernelPackage {
    /// The bzImage of `/boot`.
    var image: [UInt8]
    /// In the order they were asked for; unpacked.
    var modules: [(name: String, bytes: [UInt8])]

    /// Reads the package once.
    ///
    /// - Parameter wanted: names as modprobe takes them: `-` and `_` are one.
    static func read(_ path: String, modules wanted: [String], maximumModule: Int) throws(ImageError) -> KernelPackage {
        let reader = try DebSource.open(path)
        let kernel = FilePattern("/boot/vmlinuz-*")
        var image: [UInt8]?
        var found: [String: [UInt8]] = [:]
        while let entry = try reader.next() {
            guard case .file = entry.kind else { continue }
            if kernel.matches(entry.path) {
                image = try reader.content(limit: 256 << 20)
            } else if let (name, packed) = moduleName(entry.path), wanted.contains(where: { canonical($0) == name }) {
                let content = try reader.content(limit: maximumModule)
                found[name] = packed ? try Unpacking.unpack(content[...], limit: maximumModule, subject: path) : content
            }
        }
        guard let image else { throw ImageError(.noMatch("no file matches \(kernel)"), path) }
        var modules: [(name: String, bytes: [UInt8])] = []
        for name in wanted {
            guard let bytes = found[canonical(name)] else { throw ImageError(.noMatch("no module \(name)"), path) }
            modules.append((name, bytes))
        }
        return KernelPackage(image: image, modules: modules)
    }

    static func canonical(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

    /// The module a path holds, if it does: `lib/modules/6.1.0-9/kernel/virt/lib/irqbypass.ko.xz`.
    static func moduleName(_ path: [UInt8]) -> (name: String, packed: Bool)? {
        guard let last = path.split(separator: UInt8(ascii: "/")).last else { return nil }
        let file = String(decoding: last, as: UTF8.self)
        for (suffix, packed) in [(".ko", false), (".ko.xz", true), (".ko.zst", true), (".ko.gz", true)] where file.hasSuffix(suffix) {
            return (canonical(String(file.dropLast(suffix.count))), packed)
        }
        return nil
    }
}
