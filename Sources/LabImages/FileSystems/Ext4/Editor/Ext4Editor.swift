package import Host
package import LabModel

/// Lays files over a disk that is there already: a machine's own last layer, without making its image again.
///
///     try Ext4Editor.apply(layer, base: image, delta: delta)
///
/// The disk must hold a file system of this project's own writer that was left clean. What is written depends on that and on the layer alone:
/// all times are the file system's own. Nothing is written unless everything could be, and a disk that is the base of others stays as it is.
package enum Ext4Editor {
    /// Over an immutable base, into an empty delta of it.
    package static func apply(_ layer: Layer, base: consuming Descriptor, delta: consuming Descriptor) throws(Ext4EditError) {
        guard !layer.entries.isEmpty else { return }
        let disk: DeltaDisk
        do throws(DiskError) { disk = try DeltaDisk(base: base, delta: delta, isReadOnly: false) } catch { throw .disk(error) }
        try apply(layer, to: disk)
    }

    /// - Parameter isVerifying: whether a wrong checksum in the file system is an error.
    package static func apply(_ layer: Layer, to disk: any Disk, isVerifying: Bool = true) throws(Ext4EditError) {
        let volume = try Ext4Volume(disk, isVerifying: isVerifying)
        // All of them ask for the image as it is without this layer.
        var wanted: [ImageRecipe.File] = []
        for entry in layer.entries where try volume.holds(entry.conditions) { wanted.append(entry.file) }
        for file in wanted {
            volume.path = file.to
            try volume.add(try content(of: file), at: Array(file.to.utf8))
        }
        try volume.commit()
    }

    private static func content(of file: ImageRecipe.File) throws(Ext4EditError) -> Ext4Volume.NewFile {
        switch file.content {
        case .text(let text): return .file(Array(text.utf8), mode: file.mode)
        case .symlink(let target): return .link(target: Array(target.utf8))
        case .from(let path, let digest):
            do throws(ImageError) {
                let bytes = try Folder.read(path, limit: OverlayLayer.maximumFileSize)
                if let digest, "\(SHA256.digest(of: bytes))" != digest { throw ImageError(.changed, path) }
                return .file(bytes, mode: file.mode)
            } catch {
                throw .input(path: path, error)
            }
        }
    }
}

extension Ext4Volume {
    fileprivate func holds(_ conditions: [Layer.Condition]) throws(Ext4EditError) -> Bool {
        for condition in conditions where try !holds(condition) { return false }
        return true
    }

    private func holds(_ condition: Layer.Condition) throws(Ext4EditError) -> Bool {
        switch condition {
        case .folder(let path):
            self.path = path
            return try walk(Array(path.utf8)[...], isMaking: false) != nil
        case .any(let conditions):
            for condition in conditions where try holds(condition) { return true }
            return false
        case .something(let path): return try kind(at: path) != nil
        case .nothing(let path): return try kind(at: path) == nil
        case .noLink(let path): return try kind(at: path) != .link
        }
    }

    /// What has a name, a link at its end not followed; nil where nothing has it.
    private func kind(at path: String) throws(Ext4EditError) -> EditedInode.Kind? {
        self.path = path
        let split: (directory: ArraySlice<UInt8>, name: ArraySlice<UInt8>?)
        do throws(RefusedEntry) { split = try PathWalk.split(Array(path.utf8)) } catch { throw .refused(path: path, error) }
        guard let name = split.name else { return .folder }
        guard let number = try walk(split.directory, isMaking: false), let found = try find(Array(name), in: directory(number)) else {
            return nil
        }
        return try inode(found.entry.inode).kind
    }
}
