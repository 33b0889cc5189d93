package import LabModel

/// The recipe's `files:`, laid over the source as its last layer.
///
/// Every file belongs to root and bears the project's one fixed time, so the layer is a function of the recipe and of the
/// content of the files that it names. Folders on the way are made by the tree itself where they are missing.
package struct OverlayLayer {
    /// 2024-01-01: the time of everything that has no time of its own. Not 0, which some programs take for "never".
    package static let epoch: Int64 = 1_704_067_200
    /// A file of the recipe's folder is a configuration or a small program.
    static let maximumFileSize = 256 << 20

    private let files: [ImageRecipe.File]
    private let folder: String

    package init(_ recipe: ImageRecipe) {
        files = recipe.files
        folder = recipe.folder
    }

    package func feed(_ sink: inout some ArchiveSink & ~Copyable) throws(ImageError) {
        for file in files {
            let modified = ArchiveEntry.Time(seconds: OverlayLayer.epoch)
            let path = Array(file.to.utf8)
            var content: [UInt8] = []
            var kind: ArchiveEntry.Kind
            switch file.content {
            case .symlink(let target): kind = .symlink(target: Array(target.utf8))
            case .text, .from:
                content = try OverlayLayer.content(of: file, folder: folder)
                kind = .file(size: UInt64(content.count))
            }
            do throws(SinkError) {
                try sink.begin(ArchiveEntry(path: path, kind: kind, mode: file.mode & 0o7777, modified: modified))
                // Safe because bytes have no padding.
                if !content.isEmpty { unsafe try sink.data(content.span.bytes, at: 0) }
                try sink.end()
            } catch {
                throw ImageError(error, archive: "files: \(file.to)")
            }
        }
    }

    /// The bytes of a `text` or `from` file.
    static func content(of file: ImageRecipe.File, folder: String) throws(ImageError) -> [UInt8] {
        switch file.content {
        case .text(let text): Array(text.utf8)
        case .from(let path, _): try Folder.read(RecipePath.resolve(path, in: folder), limit: maximumFileSize)
        case .symlink(let target): Array(target.utf8)
        }
    }
}

/// Paths that a recipe writes: absolute, or starting at the folder it was read from.
enum RecipePath {
    static func resolve(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
}
