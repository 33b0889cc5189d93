internal import Host
package import LabModel
internal import SystemPackage

/// Why an image could not be made: what went wrong, and what it went wrong with.
package struct ImageError: Error, Hashable, Sendable, CustomStringConvertible {
    package var problem: Problem
    /// What was being read, made or run: a path, an entry of an archive, a package.
    package var subject: String

    package init(_ problem: Problem, _ subject: String) {
        self.problem = problem
        self.subject = subject
    }

    package enum Problem: Hashable, Sendable {
        /// A file that the recipe names is not there.
        case missingInput
        /// The recipe asks for something that cannot be: the text says what, and what to write instead.
        case recipe(String)
        /// Not a format that images are made from.
        case notAnArchive(String)
        /// Truncated, inconsistent, or failing its own checksums.
        case damagedArchive(String)
        /// A disk image that cannot be taken: damaged, or of a kind that is not read.
        case unusableDisk(String)
        /// An entry that no image may hold.
        case refusedEntry(String)
        /// Larger than a limit: what was counted, and the limit.
        case tooLarge(what: String, limit: UInt64)
        /// The bytes are not those that were asked for.
        case digestMismatch(expected: Digest, found: Digest)
        /// The disk that the recipe declares cannot hold what goes into it.
        case diskTooSmall(size: ByteCount, needed: ByteCount)
        /// The host's own disk is full. `nil` where the need is not known beforehand.
        case noSpace(needed: ByteCount?, free: ByteCount?)
        /// A program of the host is missing; it comes with this Debian package.
        case missingProgram(package: String)
        /// The host cannot do it, and what to do about that.
        case unsupportedHost(String)
        /// A program that we ran failed; the last lines it said.
        case program(status: String, tail: String)
        /// No file of the image matches the recipe's kernel or initrd.
        case noMatch(String)
        /// The operating system refused; the cause, in its own words.
        case system(call: String, errno: Int32, message: String)
        /// A file that goes onto a disk was edited while that was made.
        case changed
    }

    /// The process exit status that stands for this error (`vmlab help exit-codes`).
    package var exitStatus: Int32 {
        switch problem {
        case .missingInput: 66
        case .recipe, .notAnArchive, .damagedArchive, .unusableDisk, .refusedEntry, .tooLarge, .diskTooSmall, .noMatch: 65
        case .digestMismatch: 76
        case .missingProgram, .unsupportedHost: 69
        case .noSpace: 73
        case .program: 71
        case .system(_, let code, _): code == Errno.notPermitted.rawValue || code == Errno.permissionDenied.rawValue ? 77 : 74
        case .changed: 75
        }
    }

    package var description: String {
        switch problem {
        case .missingInput: "\(subject): no such file"
        case .recipe(let text): "\(subject): \(text)"
        case .notAnArchive(let text): "\(subject): not an archive that images are made from (tar or cpio): \(text)"
        case .damagedArchive(let text): "\(subject): damaged: \(text)"
        case .unusableDisk(let text): "\(subject): this disk cannot be taken: \(text)"
        case .refusedEntry(let text): "\(subject): \(text)"
        case .tooLarge(let what, let limit): "\(subject): \(what) beyond the limit of \(limit)"
        case .digestMismatch(let expected, let found):
            "\(subject): digest mismatch: expected sha256 \(expected), found \(found)"
        case .diskTooSmall(let size, let needed):
            "\(subject): the disk is too small: disk.size is \(size), the content needs at least \(needed)"
        case .noSpace(let needed, let free):
            "\(subject): no space left on the host\(needed.map { ", \($0) needed" } ?? "")\(free.map { ", \($0) free" } ?? "")"
        case .missingProgram(let package): "\(subject) is not installed: apt-get install \(package)"
        case .unsupportedHost(let text): "\(subject): \(text)"
        case .program(let status, let tail): "\(subject) \(status)\(tail.isEmpty ? "" : ":\n\(tail)")"
        case .noMatch(let text): "\(subject): \(text)"
        case .system(let call, _, let message): "\(subject): \(call): \(message)"
        case .changed: "\(subject): what goes onto the disk changed while it was made; try again"
        }
    }
}

extension ImageError {
    /// - Parameter subject: the path or program that the call was about.
    init(_ error: OSError, _ subject: String) {
        if error.code == .noSuchFileOrDirectory {
            self.init(.missingInput, subject)
        } else if error.code == .isDirectory {
            self.init(.recipe("it is a folder, and a file is wanted"), subject)
        } else if error.code == .noSpace || error.code == .diskQuotaExceeded || error.code == .fileTooLarge {
            self.init(.noSpace(needed: nil, free: FreeSpace.at(subject)), subject)
        } else {
            self.init(.system(call: error.doing, errno: error.code.rawValue, message: "\(error.code)"), subject)
        }
    }

    /// - Parameter output: the file that the sink was writing, or the archive it was reading.
    init(_ error: SinkError, archive: String) {
        switch error {
        case .refused, .unsupportedSize: self.init(.refusedEntry("\(error)"), archive)
        case .diskTooSmall(let declared, let needed):
            self.init(.diskTooSmall(size: declared, needed: needed), archive)
        case .hostFull(let output, let needed): self.init(.noSpace(needed: needed, free: FreeSpace.at(output)), output)
        case .host(let output, let doing, let errno):
            self.init(.system(call: doing, errno: errno, message: "\(Errno(rawValue: errno))"), output)
        }
    }
}
