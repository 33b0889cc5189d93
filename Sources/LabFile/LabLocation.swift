/// Where the lab file is.
package enum LabLocation: Hashable, Sendable {
    case standardInput
    case file(String)

    /// The file that an argument names: `-` for standard input, a file, or a folder that holds one; without an argument the
    /// working folder's.
    package static func find(_ argument: String?, files: any Files) throws(LabLocationError) -> LabLocation {
        if argument == "-" { return .standardInput }
        let path = argument ?? "."
        let names: [String]
        do throws(FileTrouble) {
            names = try files.names(in: path)
        } catch {
            switch error {
            case .otherKind: return .file(path)
            case .missing: throw .missing(path)
            case .denied, .refused: throw .unreadable(path, error)
            }
        }
        let name = try choose(among: names, in: path)
        return .file(argument == nil ? name : Path.joined(path, name))
    }

    private static func choose(among names: [String], in folder: String) throws(LabLocationError) -> String {
        if names.contains("lab.yaml") { return "lab.yaml" }
        let others = names.filter { $0.hasSuffix(".lab.yaml") && !$0.hasPrefix(".") }.sorted()
        if others.count > 1 { throw .several(folder, others) }
        guard let only = others.first else { throw .none(folder) }
        return only
    }
}

/// Why there is no lab file to read.
package enum LabLocationError: Error, Hashable, Sendable, CustomStringConvertible {
    case missing(String)
    case none(String)
    case several(String, [String])
    case unreadable(String, FileTrouble)

    package var description: String {
        switch self {
        case .missing(let path): "\(path) does not exist"
        case .none(let folder):
            "there is no lab.yaml and no *.lab.yaml in \(folder == "." ? "this folder" : folder); name a file or a folder with -f"
        case .several(let folder, let names):
            "there are several lab files in \(folder == "." ? "this folder" : folder); name one with -f: \(names.joined(separator: ", "))"
        case .unreadable(let path, let trouble): "\(path) cannot be read: \(trouble.description)"
        }
    }
}
