import Foundation
import Glibc
import Host
import LabFile
import LabImages
import LabModel
import SystemPackage

/// The host's files, as reading a lab sees them.
struct HostFiles: Files {
    func contents(of path: String, limit: Int) throws(FileTrouble) -> [UInt8] {
        do throws(OSError) {
            let file = try Descriptor.open(path, O_RDONLY)
            guard try file.status().kind != .directory else { throw OSError(.isDirectory, "read \(path)") }
            return try HostFiles.read(file.number, limit: limit)
        } catch {
            throw trouble(error)
        }
    }

    /// A lab together with what its files of this host hold.
    static func digested(_ lab: Lab) throws -> Lab { try lab.withFileDigests() }

    /// Everything up to a limit, from a file or a pipe.
    static func read(_ number: CInt, limit: Int) throws(OSError) -> [UInt8] {
        var all: [UInt8] = []
        while all.count < limit {
            let part = try Borrowed(number).read(upTo: min(65536, limit - all.count))
            if part.isEmpty { break }
            all += part
        }
        return all
    }

    func names(in folder: String) throws(FileTrouble) -> [String] {
        let path = folder.isEmpty ? "." : folder
        do throws(OSError) {
            let status = try Descriptor.open(path, O_RDONLY).status()
            guard status.kind == .directory else { throw OSError(.notDirectory, "list \(path)") }
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { throw OSError(.ioError, "list \(path)") }
            return names
        } catch {
            throw trouble(error)
        }
    }

    private func trouble(_ error: OSError) -> FileTrouble {
        switch error.code {
        case .noSuchFileOrDirectory: .missing
        case .isDirectory, .notDirectory: .otherKind
        case .permissionDenied, .notPermitted: .denied("\(error.code)")
        default: .refused("\(error.code)")
        }
    }
}
