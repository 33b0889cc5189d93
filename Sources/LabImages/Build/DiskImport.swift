internal import Glibc
internal import Host
package import LabModel

/// A disk that becomes an image of its own: a folder with a recipe, the disk, and the files that it starts with.
///
///     Images/<name>/image.yaml   disk.raw   firmware, nvram | kernel, initrd, module0 ...
///
/// The folder is whole or not there.
package struct DiskImport {
    /// Where a machine's disk lies.
    package enum Source: Hashable, Sendable {
        case raw(path: String)
        case delta(base: String, path: String)

        /// The file that a machine writes to.
        var path: String {
            switch self {
            case .raw(let path), .delta(_, let path): path
            }
        }
    }

    package var name: String
    /// The recipe's first line, for people.
    package var comment: String
    package var disk: Source
    package var bus: DiskBus
    /// What firmware has stored for the machine, where it is to go on with it.
    package var variables: Source?
    /// How it starts: this image's firmware or kernel.
    package var start: ImageRecipe
    package var startFiles: ImageFolder

    package init(
        name: String, comment: String, disk: Source, bus: DiskBus, variables: Source?, start: ImageRecipe, startFiles: ImageFolder
    ) {
        self.name = name
        self.comment = comment
        self.disk = disk
        self.bus = bus
        self.variables = variables
        self.start = start
        self.startFiles = startFiles
    }

    /// Nobody writes to the disk meanwhile: it is locked as a machine locks it.
    ///
    /// - Parameter place: the folder of images; made if it is not there.
    /// - Returns: the image's folder.
    package func write(into place: String, progress: ImageProgressHandler = { _ in }) throws(ImageError) -> String {
        let folder = "\(place)/\(name)"
        try Folder.make(place)
        let lock = "\(place)/.\(name).lock"
        let held: FileLock?
        do throws(OSError) { held = try FileLock.tryLock(lock) } catch { throw ImageError(error, lock) }
        guard held != nil else {
            throw ImageError(.system(call: "make the image", errno: EBUSY, message: "another import makes it"), folder)
        }
        defer { try? Folder.remove(lock) }
        guard (try? FileStatus(of: folder)) == nil else {
            throw ImageError(.system(call: "make the image", errno: EEXIST, message: "something has this name already"), folder)
        }
        // What an import that was killed left, it left here.
        let unfinished = "\(place)/.\(name).unfinished"
        try Folder.remove(unfinished)
        do throws(ImageError) {
            try fill(unfinished, progress)
            try Folder.rename(unfinished, to: folder)
        } catch {
            try? Folder.remove(unfinished)
            throw error
        }
        return folder
    }

    private func fill(_ folder: String, _ progress: ImageProgressHandler) throws(ImageError) {
        // Both are held until all is copied: what is on the one belongs to what is on the other.
        let source = try open(disk)
        var stored: (any Disk)?
        if let variables { stored = try open(variables) }
        try Folder.make(folder)
        try DiskCopy.copy(source, of: disk.path, to: folder + "/disk.raw", progress: progress)
        for part in parts {
            if part.file == Self.nvram, let stored, let variables {
                try DiskCopy.copy(stored, of: variables.path, to: "\(folder)/\(part.file)")
            } else {
                try Folder.write(Folder.read(part.origin, limit: Int(BootFiles.maximumSize)), to: "\(folder)/\(part.file)")
            }
        }
        progress(.finishing)
        let digest = try FileDigest.digest(of: folder + "/disk.raw")
        try Folder.write(Array(recipe(digest).utf8), to: folder + "/image.yaml")
        try Folder.synchronize(folder)
    }

    private static let nvram = "nvram"

    private func open(_ source: Source) throws(ImageError) -> any Disk {
        let failure: DiskError
        do throws(OSError) {
            let file = try Descriptor.open(source.path, O_RDONLY | O_NOFOLLOW)
            guard try file.lock() else {
                throw OSError(.resourceBusy, "make an image of a disk that a machine writes to, or of which another image is being made")
            }
            do throws(DiskError) {
                switch source {
                case .raw: return try FileDisk(file, isReadOnly: true)
                case .delta(let base, _):
                    let base = try Self.base(base)
                    return try DeltaDisk(base: base, delta: file, isReadOnly: true)
                }
            } catch {
                failure = error
            }
        } catch {
            throw ImageError(error, source.path)
        }
        throw ImageError(.unusableDisk("\(failure)"), source.path)
    }

    private static func base(_ path: String) throws(DiskError) -> Descriptor {
        do throws(OSError) { return try Descriptor.open(path, O_RDONLY) } catch { throw .system(error) }
    }

    // MARK: What it starts with

    /// A file beside the recipe, and the key of `boot` that names it.
    private struct Part {
        var key: String
        var file: String
        var origin: String
    }

    private var parts: [Part] {
        var parts: [Part] = []
        if start.hasKernel { parts.append(Part(key: "kernel", file: "kernel", origin: startFiles.kernel)) }
        if start.boot.initrd != nil { parts.append(Part(key: "initrd", file: "initrd", origin: startFiles.initrd)) }
        if start.boot.firmware != nil { parts.append(Part(key: "firmware", file: "firmware", origin: startFiles.firmware)) }
        if start.boot.nvram != nil { parts.append(Part(key: Self.nvram, file: Self.nvram, origin: startFiles.nvram)) }
        for index in start.boot.modules.indices {
            parts.append(Part(key: "modules", file: "module\(index)", origin: startFiles.module(index)))
        }
        return parts
    }

    /// Text in it is written as JSON writes it, which YAML reads.
    private func recipe(_ digest: Digest) -> String {
        func quoted(_ text: String) -> String { JSON.text(text).line }
        var text = "# \(comment)\nname: \(name)\nfrom: {disk: {path: disk.raw, format: raw, sha256: \(digest)}}\n"
        if bus != .virtio { text += "disk: {bus: \(bus.rawValue)}\n" }
        text += "boot:\n"
        if start.boot.protocolName != .automatic { text += "  protocol: \(start.boot.protocolName.rawValue)\n" }
        if start.boot.board != .pc { text += "  board: \(start.boot.board.rawValue)\n" }
        for part in parts where part.key != "modules" { text += "  \(part.key): /\(part.file)\n" }
        if !start.boot.commandLine.isEmpty { text += "  cmdline: \(quoted(start.boot.commandLine))\n" }
        if !start.boot.modules.isEmpty {
            text += "  modules:\n"
            for (index, module) in start.boot.modules.enumerated() {
                text += "    - {from: /module\(index)\(module.text.isEmpty ? "" : ", text: \(quoted(module.text))")}\n"
            }
        }
        text += "files:\n"
        for part in parts { text += "  - {to: /\(part.file), from: \(part.file)}\n" }
        return text
    }
}
