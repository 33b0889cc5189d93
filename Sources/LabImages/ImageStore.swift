internal import Host
package import LabModel

/// The cache of built images: by key, whole or absent.
///
///     recipe -> key -> lookup
///                   -> build: source archive -> entries -> disk, kernel, initrd -> manifest
package struct ImageStore: Sendable {
    /// Grows when the same recipe and inputs would give other bytes.
    private static let version = 2

    let cache: String
    private let paths: LabPaths

    package init(paths: LabPaths) {
        self.paths = paths
        cache = paths.cache
    }

    /// Removes what builders that were killed left half made; what somebody is making is left alone.
    package func removeAbandoned() {
        for kind in ["archives", "carriers", "images", "packages"] { CacheShelf(cache: cache, kind: kind).sweep() }
    }

    /// Names the image that a recipe gives: a digest of the recipe, of the content of every local file it names, and of the
    /// version of the writers. Reads those files; changes nothing; equal on every host.
    package func key(of recipe: ImageRecipe) throws(ImageError) -> String {
        var hash = KeyHash(kind: "image \(ImageStore.version)")
        hash.add("writer", Ext4Writer.formatVersion)
        // The disk's UUID depends on it.
        hash.add("name", recipe.name)
        switch recipe.source {
        case .mmdebstrap(let suite, let packages, let variant, let architecture):
            let source = try MmdebstrapSource(
                suite: suite, packages: packages, variant: variant, architecture: architecture, recipe: recipe)
            hash.add("mmdebstrap", source.key)
        case .archive(let path, let sha256): hash.add("archive", try archiveDigest(path, sha256, recipe))
        case .deb(let packages, let suite, let architecture):
            hash.add("deb", packages)
            hash.add("deb.suite", suite ?? "")
            hash.add("deb.architecture", architecture ?? "")
        case .wheel(_, _, let sha256): hash.add("wheel", sha256)
        case .disk(let path, let sha256): hash.add("disk", try archiveDigest(path, sha256, recipe))
        case .kernel(let path): hash.add("kernel", try FileDigest.digest(of: RecipePath.resolve(path, in: recipe.folder)))
        }
        hash.add("boot.protocol", recipe.boot.protocolName.rawValue)
        if recipe.boot.board != .pc { hash.add("boot.board", recipe.boot.board.rawValue) }
        hash.add("boot.kernel", [recipe.boot.kernel].compactMap(\.self))
        hash.add("boot.initrd", [recipe.boot.initrd].compactMap(\.self))
        hash.add("boot.firmware", [recipe.boot.firmware, recipe.boot.nvram].compactMap(\.self))
        hash.add("boot.cmdline", recipe.boot.commandLine)
        for module in recipe.boot.modules {
            hash.add("boot.module", module.from)
            hash.add("boot.module.text", module.text)
        }
        if let initramfs = recipe.initramfs {
            hash.add("initramfs", initramfs.to)
            if let over = initramfs.over { hash.add("initramfs.over", over) }
            if let start = initramfs.start {
                hash.add("initramfs.init", try FileDigest.digest(of: RecipePath.resolve(start, in: recipe.folder)))
            }
            hash.add("initramfs.files", initramfs.files)
            hash.add("initramfs.modules", initramfs.modules)
        }
        if let file = recipe.diskFile {
            hash.add("disk.from", file.from ?? "")
            hash.add("disk.format", file.format.rawValue)
        }
        if let cdrom = recipe.cdrom { hash.add("cdrom", cdrom) }
        if let disk = recipe.efiDisk {
            hash.add("disk.efi", disk.files.flatMap { [$0.from, $0.to] })
            hash.add("disk.size", disk.size.bytes)
        }
        if let disk = recipe.disk {
            hash.add("disk.filesystem", disk.fileSystem.rawValue)
            hash.add("disk.size", disk.size.bytes)
            hash.add("disk.journal", disk.journal ? 1 : 0)
        }
        for file in recipe.files {
            hash.add("file.to", file.to)
            hash.add("file.mode", UInt64(file.mode))
            if case .symlink(let target) = file.content {
                hash.add("file.symlink", target)
            } else {
                hash.add("file.content", SHA256.digest(of: try OverlayLayer.content(of: file, folder: recipe.folder)))
            }
        }
        return hash.finish()
    }

    /// The same recipe with its archive's digest in it, so that the bytes which are decoded are those that the key was made of.
    private func pinned(_ recipe: ImageRecipe) throws(ImageError) -> ImageRecipe {
        var recipe = recipe
        switch recipe.source {
        case .archive(let path, nil): recipe.source = .archive(path: path, sha256: try archiveDigest(path, nil, recipe).description)
        case .disk(let path, nil): recipe.source = .disk(path: path, sha256: try archiveDigest(path, nil, recipe).description)
        default: break
        }
        return recipe
    }

    /// The pinned digest where there is one; the build checks it. Else the file's own.
    private func archiveDigest(_ path: String, _ sha256: String?, _ recipe: ImageRecipe) throws(ImageError) -> Digest {
        let path = RecipePath.resolve(path, in: recipe.folder)
        guard let sha256 else { return try FileDigest.digest(of: path) }
        guard let digest = Digest(hex: sha256) else { throw ImageError(.recipe("sha256 wants 64 hexadecimal digits"), path) }
        return digest
    }

    /// The image of this key, if it is in the cache with all its files, each as long as it should be.
    package func lookup(_ key: String) -> BuiltImage? { read(paths.image(key: key), key: key) }

    private func read(_ folder: ImageFolder, key: String) -> BuiltImage? {
        guard let json = try? Folder.read(folder.manifest, limit: 1 << 20), let manifest = ImageManifest(json: json), manifest.key == key
        else { return nil }
        let modules = manifest.modules.enumerated().map { (folder.module($0), Optional($1.size)) }
        let files =
            modules + [
                (folder.kernel, manifest.kernel?.size), (folder.firmware, manifest.firmware?.size), (folder.nvram, manifest.nvram?.size),
                (folder.initrd, manifest.initrd?.size), (folder.disk, manifest.disk?.size),
                (folder.cdrom, manifest.cdrom?.size),
            ]
        for (path, size) in files {
            guard let size else { continue }
            guard let status = try? FileStatus(of: path), status.kind == .regular, status.size == size else { return nil }
        }
        return BuiltImage(key: key, folder: folder, manifest: manifest)
    }

    /// Builds an image unless it is in the cache. Two builders of one image wait for each other; the second finds it done.
    ///
    /// Blocks until it is done; children it starts die with the calling thread.
    package func build(_ recipe: ImageRecipe, progress: ImageProgressHandler = { _ in }) throws(ImageError) -> BuiltImage {
        let recipe = try pinned(recipe)
        let key = try key(of: recipe)
        let shelf = CacheShelf(cache: cache, kind: "images")
        try shelf.make(
            key, isWhole: { read(ImageFolder(path: $0), key: key) != nil }, waiting: { progress(.waitingForBuilder) }
        ) { folder throws(ImageError) in
            try ImageBuild(recipe, key: key, into: ImageFolder(path: folder), store: self).run(progress)
            // What was read for the key was read again for the image: a file edited in between would give an image a wrong name.
            guard try self.key(of: recipe) == key else { throw ImageError(.changed, recipe.name) }
        }
        guard let image = lookup(key) else { throw ImageError(.missingInput, shelf.path(key)) }
        progress(.done(key: key))
        return image
    }
}
