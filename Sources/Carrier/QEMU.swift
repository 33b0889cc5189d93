internal import Host

/// A QEMU that can emulate a carrier: where it is and how old.
package struct QEMU: Hashable, Sendable {
    package var path: String
    package var version: Version

    package init(path: String, version: Version) {
        self.path = path
        self.version = version
    }

    package struct Version: Hashable, Comparable, Sendable, CustomStringConvertible {
        package var major: Int
        package var minor: Int

        package init(major: Int, minor: Int) {
            self.major = major
            self.minor = minor
        }

        package static func < (left: Version, right: Version) -> Bool { (left.major, left.minor) < (right.major, right.minor) }
        package var description: String { "\(major).\(minor)" }

        /// Reads `QEMU emulator version 10.0.2 (Debian ...)`; `nil` for anything else.
        package init?(of text: String) {
            let words = text.split(whereSeparator: \.isWhitespace)
            guard let index = words.firstIndex(of: "version"), words.indices.contains(index + 1) else { return nil }
            let numbers = words[index + 1].split(separator: ".").map { Int($0.prefix(while: \.isNumber)) }
            guard numbers.count >= 2, let major = numbers[0], let minor = numbers[1] else { return nil }
            self.init(major: major, minor: minor)
        }
    }

    /// Older ones lose about one boot in ten of a new kernel: their nested SVM is wrong in places.
    package static let wanted = Version(major: 10, minor: 0)
    static let program = "qemu-system-x86_64"
    static let package = "qemu-system-x86"
    /// An answer to `--version` takes far less; a program that is no QEMU may never answer.
    private static let answerLimitMilliseconds = 20_000

    /// What to say once where the version is too old; `nil` where it is not.
    package var warning: String? {
        guard version < Self.wanted else { return nil }
        return
            "QEMU \(version) at \(path) is older than \(Self.wanted): guests in a carrier may fail now and then; install the package \(Self.package) of at least that version (on Debian 12: apt-get install -t bookworm-backports \(Self.package))"
    }

    /// Finds QEMU and asks its version. Waits for the answer (about 50 ms).
    ///
    /// - Parameters:
    ///   - explicit: a path that a person gave (`VMLAB_QEMU`); else the program is looked for.
    ///   - path: the `PATH` to look in.
    package static func locate(explicit: String? = nil, path: String) throws(CarrierError) -> QEMU {
        guard let found = explicit ?? Programs.find(program, path: path) else {
            throw CarrierError(
                .hostCannot,
                "there is no \(program) in PATH, and without hardware KVM machines need it: install the package \(package) (on Debian 12: apt-get install -t bookworm-backports \(package))"
            )
        }
        let answer = try ProgramAnswer.of(found, ["--version"], limitMilliseconds: answerLimitMilliseconds).output
        guard let version = Version(of: answer) else {
            let line = answer.split(whereSeparator: \.isNewline).first.map { ": it says `\($0.prefix(120))`" } ?? ""
            throw CarrierError(.hostCannot, "\(found) is not QEMU, or cannot run\(line)")
        }
        return QEMU(path: found, version: version)
    }
}

/// The environment of every program we start here: nothing of the person's own can change what it does.
let plainEnvironment = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
