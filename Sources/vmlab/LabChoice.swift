import ArgumentParser
import Foundation
import Glibc
import Host
import LabFile
import LabModel
import LabRunner

/// `-f` and `--name`: which lab a command is about.
struct LabOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("The lab file, or a folder with one; - is standard input.", valueName: "path"))
    var file: String?

    @Option(help: ArgumentHelp("The lab's id; default: its own name. Labs of one file run side by side under two names.", valueName: "id"))
    var name: String?
}

/// `--set`, for commands that read the file's content.
struct SetOptions: ParsableArguments {
    @Option(name: .customLong("set"), help: ArgumentHelp("Set a value of the lab file; repeatable.", valueName: "a.b=c"))
    var overrides: [String] = []
}

/// The lab that a command line means.
struct LabChoice {
    let io: Streams
    private let argument: String?
    private let name: String?

    init(_ options: LabOptions, positional: String? = nil, io: Streams) throws {
        if let file = options.file, let positional, file != positional {
            throw UsageError(description: "the lab is named twice: \(positional) and -f \(file)")
        }
        if let name = options.name, let fault = LabReader.fault(ofLabName: name) { throw UsageError(description: "--name: \(fault)") }
        self.io = io
        argument = positional ?? options.file
        name = options.name
    }

    /// Where this person's labs lie; what only reads a lab file does without.
    var paths: LabPaths {
        get throws { try LabPaths(environment: io.environment, user: geteuid()) }
    }

    /// A lab that was read, the id it goes by, and the file it came from.
    struct Read {
        var lab: Lab
        var id: String
        var source: String?
    }

    /// Reads the file: the lab, or every mistake in it.
    func read(overrides: [String] = []) throws -> Read {
        let location = try LabLocation.find(argument, files: HostFiles())
        let bytes: [UInt8]
        let shown: String
        var source: String?
        switch location {
        case .standardInput:
            bytes = try HostFiles.read(io.input, limit: LabFile.Limits.file + 1)
            shown = "<stdin>"
        case .file(let path):
            do throws(FileTrouble) {
                bytes = try HostFiles().contents(of: path, limit: LabFile.Limits.file + 1)
            } catch {
                throw error == .missing ? LabLocationError.missing(path) : LabLocationError.unreadable(path, error)
            }
            shown = path
            source = Self.absolute(path)
        }
        let folder = source.map { URL(filePath: $0).deletingLastPathComponent().path } ?? FileManager.default.currentDirectoryPath
        let catalogue = ImageCatalogue(forLabIn: folder, then: Self.imagePlaces(io.environment), files: HostFiles())
        let reader = LabReader(
            catalogue: catalogue, folder: folder, environment: io.environment, overrides: overrides, hostMemory: HostFacts.memory)
        let lab = try HostFiles.digested(reader.read(bytes, name: shown))
        return Read(lab: lab, id: name ?? lab.name, source: source)
    }

    /// Where recipes lie that belong to no lab: `VMLAB_IMAGES`, then those installed with the program.
    static func imagePlaces(_ environment: [String: String]) -> [String] {
        let named = (environment["VMLAB_IMAGES"] ?? "").split(separator: ":").map { absolute(String($0)) }
        guard let program = try? Programs.current() else { return named }
        let prefix = URL(filePath: program).deletingLastPathComponent().deletingLastPathComponent()
        return named + [prefix.appending(path: "share/vmlab/images").path]
    }

    static func absolute(_ path: String) -> String {
        let full = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return URL(filePath: full).standardizedFileURL.path
    }

    // MARK: Only the id

    /// The lab's id, also when its file is gone or wrong by now: what was up is found by what was recorded.
    func id() throws -> String {
        if let name { return name }
        do {
            let id = try read().id
            noteFormerNames(of: id)
            return id
        } catch {
            let known = recorded()
            if known.count == 1, let only = known.first {
                io.say("vmlab: the lab file cannot be read; lab \(only) was brought up from it")
                return only
            }
            if known.count > 1 {
                throw UsageError(
                    description: "the lab file cannot be read, and several labs were brought up from it: \(known.joined(separator: ", "))",
                    hint: "choose one with --name")
            }
            let all = try Folder.names(paths.state)
            if error is LabLocationError, !all.isEmpty {
                _ = Failure.tell(error, io)
                throw UsageError(description: "no lab was chosen", hint: "choose one with --name: \(all.joined(separator: ", "))")
            }
            throw error
        }
    }

    /// A file whose name was edited means another lab now: whoever looks for the old one is told where it went.
    private func noteFormerNames(of id: String) {
        guard let paths = try? paths, (try? FileStatus(of: paths.lab(id).state)) == nil else { return }
        for former in recorded() {
            io.say("vmlab: lab \(former) was brought up from this file and is another lab: --name \(former) means it")
        }
    }

    /// Ids of labs that were brought up from the file, or the folder, that the command line means.
    private func recorded() -> [String] {
        guard argument != "-", let paths = try? paths else { return [] }
        let wanted = Self.absolute(argument ?? ".")
        return Folder.names(paths.state).filter { id in
            guard let source = ResolvedLab.read(paths.lab(id))?.source else { return false }
            return source == wanted || URL(filePath: source).deletingLastPathComponent().path == wanted
        }
    }
}

/// What this host has.
enum HostFacts {
    /// All of its memory; `nil` where the kernel does not say.
    static var memory: ByteCount? {
        guard let bytes = try? readSmallFile("/proc/meminfo") else { return nil }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        guard let number = line?.split(separator: " ").dropFirst().first.flatMap({ UInt64($0) }) else { return nil }
        return ByteCount(number, unit: .kibibyte)
    }
}
