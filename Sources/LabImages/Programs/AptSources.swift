internal import LabModel

/// Where the host's apt gets Debian from, as lines for another suite's `sources.list`.
///
/// No mirror is named in the project: whatever the host's administrator chose serves the images too.
package struct AptSources {
    /// The suites of a release that an up-to-date system is made of.
    static let pockets = ["", "-updates", "-security"]
    /// Suites that are one archive, which changes every day. A mirror may be weeks behind: what it has is still signed.
    static let rolling: Set<String> = ["sid", "unstable", "experimental"]

    /// One-line entries, in a fixed order.
    package let lines: [String]

    /// - Throws: where the host's apt knows no source of Debian.
    static func find(suite: String) throws(ImageError) -> AptSources {
        let apt = try HostProgram("apt-get", package: "apt")
        let fields = ["$(CREATED_BY)", "$(ORIGIN)", "$(RELEASE)", "$(CODENAME)", "$(COMPONENT)", "$(REPO_URI)", "$(SIGNED_BY)"]
        let text = try apt.output(["indextargets", "--format", fields.joined(separator: "|")])
        let host = (try? Folder.read("/etc/os-release", limit: 64 << 10)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let sources = AptSources(indexTargets: text, suite: suite, hostCodename: codename(osRelease: host))
        guard !sources.lines.isEmpty else {
            throw ImageError(.unsupportedHost("its sources name no Debian archive to take the suite \(suite) from"), "apt")
        }
        return sources
    }

    /// - Parameters:
    ///   - indexTargets: lines of `creator|origin|release|codename|component|URI|signed-by`; a field that apt does not know is
    ///     its own name, `$(ORIGIN)`.
    ///   - hostCodename: the release whose sources are read as the suite's, where the host has none of the suite itself.
    package init(indexTargets: String, suite: String, hostCodename: String?) {
        var targets: [(release: String, codename: String, origin: String, uri: String, key: String?)] = []
        for line in indexTargets.split(separator: "\n") {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 7, fields[0] == "Packages", fields[4] == "main" else { continue }
            let key = fields[6].hasPrefix("/") && !fields[6].contains(where: { $0 == " " || $0 == "," || $0 == "]" }) ? fields[6] : nil
            targets.append((fields[2], fields[3], fields[1], fields[5], key))
        }
        let isHere = targets.contains { $0.release == suite || $0.codename == suite }
        let from = isHere ? suite : hostCodename ?? suite
        let isRolling = AptSources.rolling.contains(suite)
        var lines: [String] = []
        for pocket in isRolling ? [""] : AptSources.pockets {
            for target in targets where target.release == from + pocket || target.codename == from + pocket {
                // A third party may publish a suite of the same name; before the first update apt does not know anybody's origin.
                guard target.origin == "Debian" || target.origin.hasPrefix("$(") else { continue }
                let options = [target.key.map { "signed-by=\($0)" }, isRolling ? "check-valid-until=no" : nil].compactMap(\.self)
                let key = options.isEmpty ? "" : "[\(options.joined(separator: " "))] "
                let line = "deb \(key)\(target.uri) \(suite)\(pocket) main"
                if !lines.contains(line) { lines.append(line) }
            }
        }
        self.lines = lines
    }

    static func codename(osRelease: String) -> String? {
        osRelease.split(separator: "\n").first { $0.hasPrefix("VERSION_CODENAME=") }.map { line in
            String(line.dropFirst("VERSION_CODENAME=".count).filter { $0 != "\"" })
        }
    }
}
