import ArgumentParser
import Foundation
import Glibc
import LabFile
import LabImages
import LabModel
import LabRunner

struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Build images, look at them, and make one of a machine's disk.",
        discussion: """
            Example:
              vmlab image ls
              vmlab image build debian-12
            """,
        subcommands: [Build.self, List.self, Inspect.self, ImageImport.self])

    /// The recipes that the working folder sees.
    static func catalogue(_ io: Streams) -> ImageCatalogue {
        ImageCatalogue(
            forLabIn: FileManager.default.currentDirectoryPath, then: LabChoice.imagePlaces(io.environment), files: HostFiles())
    }

    /// Those that a lab's file sees.
    static func catalogue(_ io: Streams, around labFile: String?) -> ImageCatalogue {
        let folder = labFile.map { URL(filePath: $0).deletingLastPathComponent().path } ?? FileManager.default.currentDirectoryPath
        return ImageCatalogue(forLabIn: folder, then: LabChoice.imagePlaces(io.environment), files: HostFiles())
    }

    static func store(_ io: Streams) throws -> ImageStore { ImageStore(paths: try LabPaths(environment: io.environment, user: geteuid())) }

    struct Build: LabCommand {
        static let configuration = CommandConfiguration(
            abstract: "Build one image into the cache, unless it is there.", discussion: "Example:\n  vmlab image build debian-12")
        @Argument(help: "The image's name.") var name: String

        func perform(_ io: Streams) throws -> LabModel.ExitCode {
            let recipe = try ImageCommand.catalogue(io).recipe(named: name)
            let progress = Progress(io)
            progress.show(LabEvent(seq: 0, at: "", event: .imageBuilding, machine: nil, detail: name))
            let image = try ImageCommand.store(io).build(recipe) { step in
                progress.show(
                    LabEvent(seq: 0, at: "", event: .imageProgress, machine: nil, detail: "\(name): \(ImageBuildText.text(step))"))
            }
            progress.show(LabEvent(seq: 0, at: "", event: .imageBuilt, machine: nil, detail: name))
            io.print(image.folder.path)
            return .done
        }
    }

    struct List: LabCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List the recipes, and which images are built.", discussion: "Example:\n  vmlab image ls --json")
        @Flag(help: "Print it as JSON.") var json = false

        struct Row: Encodable {
            var name: String
            var key: String?
            var built: Bool
            var recipe: String
            var problem: String?
        }

        func perform(_ io: Streams) throws -> LabModel.ExitCode {
            let catalogue = ImageCommand.catalogue(io)
            let store = try ImageCommand.store(io)
            let rows = catalogue.names.map { name in
                do {
                    let recipe = try catalogue.recipe(named: name)
                    let key = try store.key(of: recipe)
                    return Row(name: name, key: key, built: store.lookup(key) != nil, recipe: recipe.folder + "/image.yaml")
                } catch {
                    let text = (error as? Diagnostics)?.list.first.map { "\($0.file):\($0.line): \($0.message)" }
                    return Row(name: name, built: false, recipe: "-", problem: text ?? Outcome(explaining: error).message)
                }
            }
            if json {
                io.print(try Output.json(rows))
                return .done
            }
            var table = Table("IMAGE", "BUILT", "KEY", "RECIPE")
            for row in rows {
                let recipe = row.problem.map { "wrong: \(Text.plain($0))" } ?? row.recipe
                table.add([row.name, row.built ? "yes" : "no", row.key.map { String($0.prefix(12)) } ?? "-", recipe])
            }
            io.print(table.text)
            return .done
        }
    }

    struct Inspect: LabCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the manifest of a built image.", discussion: "Example:\n  vmlab image inspect debian-12 | jq .kernel")
        @Argument(help: "The image's name.") var name: String

        func perform(_ io: Streams) throws -> LabModel.ExitCode {
            let store = try ImageCommand.store(io)
            let key = try store.key(of: try ImageCommand.catalogue(io).recipe(named: name))
            guard let image = store.lookup(key) else {
                throw UsageError(description: "image \(name) is not built", hint: "`vmlab image build \(name)` builds it")
            }
            io.print(try Output.json(image.manifest))
            return .done
        }
    }
}
