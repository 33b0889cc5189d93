import Foundation
import LabFile
import LabImages
import LabModel
import Testing

/// The recipe that labs use; that it boots is shown by the tests that run labs.
@Suite struct DebianRecipeTests {
    private static let images = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Images").path

    @Test func `the Debian 12 recipe has everything it names, and its early files are what the tar depends on`() throws {
        let scratch = try Scratch()
        let store = ImageStore(paths: scratch.paths)
        let recipe = try ImageCatalogue(places: [Self.images], files: Disk()).recipe(named: "debian-12")
        let key = try store.key(of: recipe)
        #expect(try store.key(of: recipe) == key)
        for file in recipe.files {
            guard case .from(let path, _) = file.content else { continue }
            // Scripts of the initial ramdisk: what a shell refuses would first be seen at boot.
            try scratch.shell("sh -n \(ShellWord.quoted("\(recipe.folder)/\(path)"))")
            #expect(file.mode == 0o755)
        }
        #expect(recipe.boot.initrd != nil && recipe.disk != nil)
    }

    private struct Disk: Files {
        func contents(of path: String, limit: Int) throws(FileTrouble) -> [UInt8] {
            guard let bytes = try? Folder.read(path, limit: limit) else { throw .missing }
            return bytes
        }

        func names(in folder: String) throws(FileTrouble) -> [String] { Folder.names(folder) }
    }
}
