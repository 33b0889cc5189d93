internal import LabModel

/// Collects what a recipe's initramfs is made of while the entries of its image stream by, and writes it.
///
///     /init              the recipe's own program or script, process 1
///     /modules           paths of the kernel's modules in the order in which they are to be loaded, one a line
///     /lib/modules/*.ko  those modules, uncompressed
///     /bin/busybox ...   files of the image under their own paths
///
/// Laid over an initial RAM disk of the image it is appended to that one, which the kernel unpacks first, and has no `/init` or `/modules` that
/// the recipe does not ask for. A later entry of the same path replaces an earlier one, as it does in the image.
final class InitramfsParts: ArchiveSink {
    /// An initramfs is kept in memory while it is made.
    private static let maximumSize: UInt64 = 256 << 20

    private let recipe: ImageRecipe.Initramfs?
    private let patterns: [FilePattern]
    private let basePattern: FilePattern?
    private var base: (path: [UInt8], bytes: [UInt8])?
    private var files: [(path: [UInt8], mode: UInt16, bytes: [UInt8])] = []
    private var modules: [String: (packed: Bool, bytes: [UInt8])] = [:]
    private var size: UInt64 = 0
    private var current: Current?

    private struct Current {
        enum Kind {
            case base(path: [UInt8])
            case file(path: [UInt8], mode: UInt16)
            case module(name: String, packed: Bool)
        }
        var kind: Kind
        var bytes: [UInt8] = []
    }

    init(_ recipe: ImageRecipe.Initramfs?) {
        self.recipe = recipe
        patterns = (recipe?.files ?? []).map { FilePattern($0) }
        basePattern = recipe?.over.map { FilePattern($0) }
    }

    func begin(_ entry: ArchiveEntry) throws(SinkError) {
        guard let recipe, case .file = entry.kind else { return }
        if let basePattern, basePattern.matches(entry.path) {
            let path = FilePattern.normalized(entry.path)
            if let base, base.path != path, !VersionOrder.isAscending(base.path, path) { return }
            current = Current(kind: .base(path: path))
        } else if patterns.contains(where: { $0.matches(entry.path) }) {
            current = Current(kind: .file(path: FilePattern.normalized(entry.path), mode: entry.mode & 0o7777))
        } else if let (name, packed) = KernelPackage.moduleName(entry.path),
            recipe.modules.contains(where: { KernelPackage.canonical($0) == name })
        {
            current = Current(kind: .module(name: name, packed: packed))
        }
    }

    func data(_ bytes: RawSpan, at offset: UInt64) throws(SinkError) {
        guard current != nil else { return }
        let (end, wraps) = offset.addingReportingOverflow(UInt64(bytes.byteCount))
        guard !wraps, size &+ end <= InitramfsParts.maximumSize else {
            throw .refused(path: Array((recipe?.to ?? "").utf8), .fileTooLarge(bytes: end, limit: InitramfsParts.maximumSize))
        }
        let hole = Int(offset) - (current?.bytes.count ?? 0)
        if hole > 0 { current?.bytes += [UInt8](repeating: 0, count: hole) }
        // Safe because the view ends with the closure.
        unsafe bytes.withUnsafeBytes { unsafe current?.bytes.append(contentsOf: $0) }
    }

    func end() throws(SinkError) {
        guard let done = current else { return }
        current = nil
        size += UInt64(done.bytes.count)
        switch done.kind {
        case .base(let path): base = (path, done.bytes)
        case .file(let path, let mode):
            files.removeAll { $0.path == path }
            files.append((path, mode, done.bytes))
        case .module(let name, let packed): modules[name] = (packed, done.bytes)
        }
    }

    /// The archive for the kernel; nil where the recipe makes none.
    ///
    /// - Parameter folder: the recipe's.
    func finish(folder: String) throws(ImageError) -> (path: String, bytes: [UInt8])? {
        guard let recipe else { return nil }
        for pattern in patterns where !files.contains(where: { pattern.matches($0.path) }) {
            throw ImageError(.noMatch("no file of the image matches \(pattern)"), recipe.to)
        }
        var cpio = NewcWriter()
        var folders: Set<String> = []
        func makeFolders(above path: String) {
            var parts = path.split(separator: "/").dropLast()
            var missing: [String] = []
            while !parts.isEmpty, folders.insert(parts.joined(separator: "/")).inserted {
                missing.append(parts.joined(separator: "/"))
                parts = parts.dropLast()
            }
            for folder in missing.reversed() { cpio.directory(folder) }
        }
        if let over = recipe.over {
            guard let base else { throw ImageError(.noMatch("no file of the image matches \(FilePattern(over))"), recipe.to) }
            cpio = NewcWriter(after: base.bytes)
        } else {
            makeFolders(above: "dev/.")
            cpio.characterDevice("dev/console", mode: 0o600, major: 5, minor: 1)
        }
        if let start = recipe.start {
            cpio.file("init", mode: 0o755, data: try Folder.read(RecipePath.resolve(start, in: folder), limit: 64 << 20))
        }
        for file in files.sorted(by: { $0.path.lexicographicallyPrecedes($1.path) }) {
            let path = String(decoding: file.path, as: UTF8.self)
            makeFolders(above: path)
            cpio.file(path, mode: UInt32(file.mode), data: file.bytes)
        }
        var list = ""
        for name in recipe.modules {
            let name = KernelPackage.canonical(name)
            guard let module = modules[name] else { throw ImageError(.noMatch("no module \(name) in the image"), recipe.to) }
            let bytes =
                module.packed
                ? try Unpacking.unpack(module.bytes[...], limit: Int(InitramfsParts.maximumSize), subject: name) : module.bytes
            makeFolders(above: "lib/modules/.")
            cpio.file("lib/modules/\(name).ko", mode: 0o644, data: bytes)
            list += "/lib/modules/\(name).ko\n"
        }
        if recipe.over == nil || !recipe.modules.isEmpty { cpio.file("modules", mode: 0o644, data: Array(list.utf8)) }
        cpio.finish()
        return (recipe.to, cpio.bytes)
    }
}
