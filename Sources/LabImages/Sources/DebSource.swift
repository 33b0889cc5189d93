internal import Glibc
internal import Host
internal import LabModel
internal import SystemPackage

/// A Debian package, of the host's own release and architecture or of another one, fetched by apt as any user, and kept in the cache.
///
/// A meta package (`linux-image-cloud-amd64`) has nothing but documentation in it and depends on the one that has the files:
/// it is followed. apt checks the archive's signatures and the package's digest; nothing is installed.
struct DebSource {
    /// Meta packages of meta packages: Debian's kernels have one step.
    private static let maximumSteps = 4
    private static let version = 1

    /// A package in the cache.
    struct Package: Hashable, Sendable {
        /// The package that has the files: `linux-image-6.1.0-9-cloud-amd64`.
        var name: String
        /// The `.deb`.
        var path: String
        var digest: Digest
    }

    let name: String
    /// Of another release than the host's.
    let suite: String?
    /// Other than the host's.
    let architecture: String?

    init(_ name: String, suite: String? = nil, architecture: String? = nil) throws(ImageError) {
        for word in [name, suite, architecture].compactMap(\.self) where !DebSource.isName(word) {
            throw ImageError(.recipe("not the name of a Debian package, suite or architecture"), word)
        }
        self.name = name
        self.suite = suite
        self.architecture = architecture
    }

    private static func isName(_ word: String) -> Bool {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: "+-.".utf8.contains(byte)
                }
            }
        return isPlain && (word.utf8.first.map { !"+-.".utf8.contains($0) } ?? false)
    }

    /// The package, downloaded now unless it is in the cache.
    func package(in store: ImageStore, progress: ImageProgressHandler) throws(ImageError) -> Package {
        let release = DebSource.hostRelease()
        var hash = KeyHash(kind: "package \(DebSource.version)")
        hash.add("name", name)
        hash.add("release", suite ?? release ?? "")
        if let architecture { hash.add("architecture", architecture) }
        let key = hash.finish()
        let shelf = CacheShelf(cache: store.cache, kind: "packages")
        try shelf.make(
            key, isWhole: { DebSource.read($0) != nil }, waiting: { progress(.waitingForBuilder) }
        ) { folder throws(ImageError) in
            try fetch(into: folder, progress)
        }
        guard let package = DebSource.read(shelf.path(key)) else { throw ImageError(.missingInput, shelf.path(key)) }
        return package
    }

    private static func hostRelease() -> String? {
        AptSources.codename(
            osRelease: ((try? Folder.read("/etc/os-release", limit: 64 << 10)).map { String(decoding: $0, as: UTF8.self) }) ?? "")
    }

    /// A cached package: `name` and `sha256` as text, beside `package.deb`.
    private static func read(_ folder: String) -> Package? {
        let path = folder + "/package.deb"
        guard FileStatus.isFile(path), let name = try? Folder.read(folder + "/name", limit: 4096),
            let hex = try? Folder.read(folder + "/sha256", limit: 64), let digest = Digest(hex: String(decoding: hex, as: UTF8.self))
        else { return nil }
        return Package(name: String(decoding: name, as: UTF8.self), path: path, digest: digest)
    }

    private func fetch(into folder: String, _ progress: ImageProgressHandler) throws(ImageError) {
        let work = folder + "/work"
        try Folder.make(work)
        let apt = try PrivateApt(
            folder: work, suite: suite ?? architecture.flatMap { _ in DebSource.hostRelease() }, architecture: architecture)
        var name = name
        for _ in 0..<DebSource.maximumSteps {
            progress(.bootstrapping(line: "downloading the package \(name)"))
            let file = try apt.download(name)
            guard try DebSource.hasFiles(file) else {
                guard let next = try apt.onlyDependency(of: name) else {
                    throw ImageError(.recipe("the package \(name) has no files, and does not depend on just one that has"), self.name)
                }
                try Folder.removeFile(file)
                name = next
                continue
            }
            try Folder.rename(file, to: folder + "/package.deb")
            try Folder.remove(work)
            try Folder.write(Array(name.utf8), to: folder + "/name")
            try Folder.write(Array(FileDigest.digest(of: folder + "/package.deb").description.utf8), to: folder + "/sha256")
            return
        }
        throw ImageError(.recipe("a chain of more than \(DebSource.maximumSteps) meta packages"), self.name)
    }

    /// Where a package speaks of itself.
    private static let descriptions = ["usr/share/doc/", "usr/share/bug/", "usr/share/lintian/"]

    /// Whether there is a file that is not about the package itself.
    private static func hasFiles(_ path: String) throws(ImageError) -> Bool {
        let reader = try DebSource.open(path)
        while let entry = try reader.next() {
            guard case .directory = entry.kind else {
                let name = FilePattern.normalized(entry.path)
                if !DebSource.descriptions.contains(where: { name.starts(with: Array($0.utf8)) }) { return true }
                continue
            }
        }
        return false
    }

    /// The largest package unpacked: kernels with debug information have about 6 GB, all others far less.
    static let maximumUnpacked: UInt64 = 8 << 30

    /// Reads the files of a package: its `data.tar`, whatever the compression.
    static func open(_ path: String) throws(ImageError) -> ArchiveReader {
        let file = try FileDigest.open(path)
        let stream = try DecodedStream(
            file, .member(prefix: "data.tar"), subject: path, expected: nil, limits: .init(decodedBytes: maximumUnpacked))
        return try ArchiveReader(stream, subject: path)
    }
}

/// apt with a state of its own: it reads the host's sources and keys, and writes into one folder only, as any user.
package struct PrivateApt {
    private let folder: String
    private let options: [String]
    /// Lists of its own are the only ones there are for another release or architecture.
    private let needsOwnLists: Bool

    /// - Parameter suite: whose packages are wanted, with `architecture`; nil: whatever the host's own apt has.
    init(folder: String, suite: String? = nil, architecture: String? = nil) throws(ImageError) {
        self.folder = folder
        for name in ["cache/archives/partial", "lists/partial"] { try Folder.make("\(folder)/\(name)") }
        var options = [
            "-o", "Dir::Cache=\(folder)/cache", "-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User=",
            "-o", "APT::Update::Post-Invoke-Success::=", "-o", "Acquire::Languages=none",
        ]
        if let suite {
            let sources = "\(folder)/sources.list"
            try Folder.write(Array((AptSources.find(suite: suite).lines.joined(separator: "\n") + "\n").utf8), to: sources)
            try Folder.write([], to: "\(folder)/status")
            for (name, value) in [
                ("Dir::Etc::sourcelist", sources), ("Dir::Etc::sourceparts", "/dev/null"), ("Dir::Etc::preferences", "/dev/null"),
                ("Dir::Etc::preferencesparts", "/dev/null"), ("Dir::State::status", "\(folder)/status"),
                ("Dir::State::lists", "\(folder)/lists"), ("APT::Get::AllowUnauthenticated", "false"),
            ] { options += ["-o", "\(name)=\(value)"] }
            // Of one architecture alone: apt would choose among several.
            if let architecture { options += ["-o", "APT::Architecture=\(architecture)", "-o", "APT::Architectures=\(architecture)"] }
        }
        self.options = options
        needsOwnLists = suite != nil
    }

    /// Downloads a package into the folder, and gives its path. Lists that are missing or too old are fetched first, for this once.
    func download(_ name: String) throws(ImageError) -> String {
        if !hasOwnLists, !needsOwnLists {
            do throws(ImageError) {
                return try download(name, options)
            } catch {
                guard case .program = error.problem else { throw error }
            }
        }
        let own = options + ["-o", "Dir::State::lists=\(folder)/lists"]
        var failure: ImageError?
        if !hasOwnLists {
            // One list of several may be out of step with its mirror: what matters is whether the package can be had.
            do throws(ImageError) {
                try run("apt-get", own + ["-q", "update"])
            } catch {
                guard case .program = error.problem else { throw error }
                failure = error
            }
        }
        do throws(ImageError) {
            return try download(name, own)
        } catch {
            throw failure ?? error
        }
    }

    private var hasOwnLists: Bool { !Folder.names("\(folder)/lists").filter { $0 != "partial" }.isEmpty }

    private func download(_ name: String, _ options: [String]) throws(ImageError) -> String {
        try run("apt-get", options + ["-q", "download", name])
        guard let file = Folder.names(folder).first(where: { $0.hasPrefix(name + "_") && $0.hasSuffix(".deb") }) else {
            throw ImageError(.program(status: "downloaded no package \(name)", tail: ""), "apt-get")
        }
        return "\(folder)/\(file)"
    }

    /// The package that a meta package stands for; `nil` unless it depends on exactly one.
    func onlyDependency(of name: String) throws(ImageError) -> String? {
        let state = hasOwnLists ? ["-o", "Dir::State::lists=\(folder)/lists"] : []
        let text = try HostProgram("apt-cache", package: "apt").output(options + state + ["show", "--no-all-versions", name])
        return PrivateApt.onlyDependency(control: text)
    }

    /// - Parameter control: a control paragraph: `Depends: a (= 1), b | c`.
    package static func onlyDependency(control: String) -> String? {
        guard let line = control.split(separator: "\n").first(where: { $0.hasPrefix("Depends: ") }) else { return nil }
        let wishes = line.dropFirst("Depends: ".count).split(separator: ",")
        guard wishes.count == 1, let first = wishes[0].split(separator: "|").first else { return nil }
        let name = first.split(whereSeparator: { " (:".contains($0) }).first.map(String.init)
        return name.flatMap { $0.isEmpty ? nil : $0 }
    }

    private func run(_ program: String, _ arguments: [String]) throws(ImageError) {
        _ = try HostProgram(program, package: "apt", environment: Proxies.environment()).output(arguments, folder: folder)
    }
}
