/// The files that reading a lab needs, handed in: LabFile itself opens nothing.
package protocol Files: Sendable {
    /// The bytes of a file, or its first `limit` bytes if it has more.
    func contents(of path: String, limit: Int) throws(FileTrouble) -> [UInt8]
    /// The names in a folder, in any order.
    func names(in folder: String) throws(FileTrouble) -> [String]
}

/// Why a file or a folder cannot be read.
package enum FileTrouble: Error, Hashable, Sendable {
    case missing
    /// A folder where a file was asked for, or the other way round.
    case otherKind
    /// This person may not; the operating system's own words: `Permission denied`.
    case denied(String)
    /// Any other reason of the operating system, in its words.
    case refused(String)

    package var description: String {
        switch self {
        case .missing: "it does not exist"
        case .otherKind: "it is of another kind"
        case .denied(let reason), .refused(let reason): reason
        }
    }
}

/// Paths are taken apart as text; nothing is looked up.
enum Path {
    static func joined(_ folder: String, _ name: String) -> String {
        if name.hasPrefix("/") || folder.isEmpty { return name }
        return folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// An absolute folder and all that it lies in, itself first.
    static func ancestors(of folder: String) -> [String] {
        var result: [String] = []
        var parts = folder.split(separator: "/").map(String.init)
        while true {
            result.append("/" + parts.joined(separator: "/"))
            if parts.isEmpty { return result }
            parts.removeLast()
        }
    }
}
