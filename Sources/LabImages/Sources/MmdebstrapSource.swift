internal import Glibc
internal import Host
internal import LabModel

/// A Debian root filesystem as a tar, made by `mmdebstrap` without root, and kept in the cache.
///
/// The tar is a function of the suite, the packages and the files that packages read while they are configured, as far as
/// the archive's own updates allow; changing any other file of a recipe uses the same tar again.
package struct MmdebstrapSource {
    /// Folders whose files have a say while packages are configured: recipe files in them are there from the start.
    /// The initial ramdisk is made from the first; dpkg leaves out what the second tells it to.
    static let earlyFolders = ["/etc/initramfs-tools/", "/etc/dpkg/dpkg.cfg.d/"]
    private static let mergedUsr = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
    /// Grows when the same recipe would give another tar.
    private static let version = 1
    /// Told to everything that builds a time into a file.
    private static let sourceDate = String(OverlayLayer.epoch)

    let suite: String
    let packages: [String]
    let variant: String
    let architecture: String
    private let early: [(file: ImageRecipe.File, content: [UInt8])]

    init(suite: String, packages: [String], variant: String, architecture: String, recipe: ImageRecipe) throws(ImageError) {
        self.suite = suite
        self.packages = packages
        self.variant = variant
        self.architecture = architecture
        var early: [(file: ImageRecipe.File, content: [UInt8])] = []
        for file in recipe.files where MmdebstrapSource.earlyFolders.contains(where: { file.to.hasPrefix($0) }) {
            if case .symlink = file.content { continue }
            early.append((file, try OverlayLayer.content(of: file, folder: recipe.folder)))
        }
        self.early = early
        for word in [suite, variant, architecture] + packages where !MmdebstrapSource.isPlain(word) {
            throw ImageError(.recipe("\(word) is not the name of a suite, a variant, an architecture or a package"), "mmdebstrap")
        }
    }

    /// Letters, digits and `+-./=:~_`, not first a `-`: nothing that a command line or a list could take for something else.
    private static func isPlain(_ word: String) -> Bool {
        !word.isEmpty && !word.hasPrefix("-")
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "+-./=:~_".utf8.contains(byte)
                }
            }
    }

    /// Names the tar: everything that it is made from but the archive's day.
    var key: String {
        var hash = KeyHash(kind: "mmdebstrap \(MmdebstrapSource.version)")
        hash.add("suite", suite)
        hash.add("packages", packages)
        hash.add("variant", variant)
        hash.add("architecture", architecture)
        for (file, content) in early {
            hash.add("file", file.to)
            hash.add("mode", UInt64(file.mode))
            hash.add("content", SHA256.digest(of: content))
        }
        return hash.finish()
    }

    /// The path of the tar, made now unless it is in the cache.
    func archive(in store: ImageStore, progress: ImageProgressHandler) throws(ImageError) -> String {
        let shelf = CacheShelf(cache: store.cache, kind: "archives")
        let key = key
        let name = "rootfs.tar"
        try shelf.make(
            key, isWhole: { FileStatus.isFile("\($0)/\(name)") }, waiting: { progress(.waitingForBuilder) }
        ) { folder throws(ImageError) in
            try make("\(folder)/\(name)", key, on: shelf, scratch: folder, progress)
        }
        return "\(shelf.path(key))/\(name)"
    }

    private func make(
        _ output: String, _ key: String, on shelf: CacheShelf, scratch: String, _ progress: ImageProgressHandler
    ) throws(ImageError) {
        let mode = try BootstrapMode.find()
        let name = "mmdebstrap"
        let temporary = try mode.makeTemporaryFolder(
            inside: scratch, key: key, shelf: shelf, tool: try HostProgram(name, package: name))
        let tool = try HostProgram(
            name, package: name,
            environment: ["TMPDIR": temporary, "SOURCE_DATE_EPOCH": MmdebstrapSource.sourceDate].merging(Proxies.environment()) { $1 })
        let sources = try AptSources.find(suite: suite)
        let file = try Folder.create(output)
        var arguments = [
            "--mode=\(mode.rawValue)", "--format=tar", "--variant=\(variant)", "--architectures=\(architecture)",
            // Descriptions in other languages are a third of all that is downloaded.
            "--aptopt=Acquire::Languages \"none\"",
            // A file that was there before its package stays as the recipe wrote it, without a question.
            "--dpkgopt=force-confold",
        ]
        // It looks for an emulator before it tries whether the processor runs the other architecture itself, as this one does i386.
        if architecture != "amd64" { arguments.append("--skip=check/qemu") }
        // Without it a merged /usr is made by a package that brings all of Perl along.
        if FileStatus.isFolder(MmdebstrapSource.mergedUsr) { arguments.append("--hook-dir=\(MmdebstrapSource.mergedUsr)") }
        // apt's own user may or may not be able to enter the scratch folder, and folders in the image would belong to it or not.
        arguments.append("--setup-hook=echo 'APT::Sandbox::User \"root\";' >>\"$MMDEBSTRAP_APT_CONFIG\"")
        if !packages.isEmpty { arguments.append("--include=" + packages.joined(separator: ",")) }
        arguments += try earlyHooks(scratch)
        // What names the host that built it. Files of the recipe may put them back.
        arguments.append("--extract-hook=rm -f \"$1/etc/hostname\" \"$1/etc/resolv.conf\"")
        arguments += [suite, "-"]
        defer { mode.removeTemporaryFolder(temporary, with: tool) }
        do throws(ImageError) {
            try run(tool, arguments + sources.lines, file, output, progress)
        } catch {
            // The release itself does not change any more; what is added to it does, and a mirror may be in the middle of that.
            guard case .program(_, let tail) = error.problem, MmdebstrapSource.isOutOfStep(tail), let base = sources.lines.first,
                sources.lines.count > 1
            else { throw explained(error, output: output, temporary: temporary) }
            progress(.bootstrapping(line: "the mirror lacks some of the updates of \(suite): once more without them"))
            do throws(ImageError) {
                try run(tool, arguments + [base], file, output, progress)
            } catch {
                throw explained(error, output: output, temporary: temporary)
            }
        }
        for (index, _) in early.enumerated() { try Folder.removeFile("\(scratch)/early-\(index)") }
    }

    private func run(
        _ tool: HostProgram, _ arguments: [String], _ file: borrowing Descriptor, _ output: String, _ progress: ImageProgressHandler
    ) throws(ImageError) {
        // Of an attempt before this one.
        do throws(OSError) {
            try file.truncate(to: 0)
            guard lseek(file.number, 0, SEEK_SET) == 0 else { throw OSError.current("rewind \(output)") }
        } catch {
            throw ImageError(error, output)
        }
        try tool.run(arguments, output: file) { line in
            if let step = MmdebstrapSource.step(line) { progress(.bootstrapping(line: step)) }
        }
    }

    /// Whether apt found what its lists promise missing, or changed.
    package static func isOutOfStep(_ talk: String) -> Bool {
        talk.contains("404  Not Found") || talk.contains("Mirror sync in progress?") || talk.contains("Hash Sum mismatch")
    }

    /// What a line of mmdebstrap's talk tells a person: its steps (`I: installing essential packages...`), not what apt says.
    static func step(_ line: String) -> String? {
        guard line.hasPrefix("I: "), !line.hasPrefix("I: running") || line.hasPrefix("I: running apt-get") else { return nil }
        return String(line.dropFirst("I: ".count))
    }

    /// Puts the early files in place when the essential packages are unpacked and before any package is configured.
    private func earlyHooks(_ scratch: String) throws(ImageError) -> [String] {
        var hooks: [String] = []
        for (index, (file, content)) in early.enumerated() {
            let source = "\(scratch)/early-\(index)"
            try Folder.write(content, to: source)
            let parent = file.to[..<(file.to.lastIndex(of: "/") ?? file.to.startIndex)]
            hooks += [
                "--extract-hook=mkdir -p \"$1\"\(ShellWord.quoted(String(parent)))",
                "--extract-hook=upload \(ShellWord.quoted(source)) \(ShellWord.quoted(file.to))",
                "--extract-hook=chmod 0\(String(file.mode & 0o7777, radix: 8)) \"$1\"\(ShellWord.quoted(file.to))",
            ]
        }
        return hooks
    }

    /// A full disk is said by the last of many programs, in many words: look for ourselves.
    private func explained(_ error: ImageError, output: String, temporary: String) -> ImageError {
        guard case .program(_, let tail) = error.problem, tail.contains("No space left on device") else { return error }
        let (here, there) = (FreeSpace.at(output), FreeSpace.at(temporary))
        let tighter = (there?.bytes ?? .max) < (here?.bytes ?? .max) ? temporary : output
        return ImageError(.noSpace(needed: nil, free: FreeSpace.at(tighter)), tighter)
    }
}
