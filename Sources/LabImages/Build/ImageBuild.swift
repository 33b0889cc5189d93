internal import Glibc
internal import Host
internal import LabModel

/// One image being made, top to bottom: source, last layer, disk, boot files, manifest.
struct ImageBuild {
    /// What an archive may unpack to, in disks: more than fits is read on so that the error can tell the need, but not for ever.
    private static let decodedDisks: UInt64 = 4
    private static let decodedFloor: UInt64 = 256 << 20
    /// Progress is told this often, in bytes of the source.
    private static let progressStep: UInt64 = 4 << 20

    private let recipe: ImageRecipe
    private let key: String
    private let folder: ImageFolder
    private let store: ImageStore

    init(_ recipe: ImageRecipe, key: String, into folder: ImageFolder, store: ImageStore) {
        self.recipe = recipe
        self.key = key
        self.folder = folder
        self.store = store
    }

    /// What is read for the image's files.
    private struct Input {
        var path: String
        var part: DecodedStream.Part
        var expected: Digest?
    }

    func run(_ progress: ImageProgressHandler) throws(ImageError) {
        var manifest = ImageManifest(name: recipe.name, key: key, boot: recipe.boot)
        let input = try input(&manifest, progress)
        let wanted = try wantedBootFiles()
        let bootFiles = BootFiles(wanted)
        if let disk = recipe.disk {
            var sink = TwoSinks(bootFiles, try Ext4Disk.create(folder.disk, disk, of: recipe.name))
            try fill(&sink, from: input, progress)
            progress(.finishing)
            try Ext4Disk.finish(sink.second, folder.disk)
            manifest.disk = try describeDisk(disk)
        } else if let input {
            var sink = bootFiles
            try fill(&sink, from: input, progress)
        }
        try record(bootFiles, wanted.count, input?.path ?? recipe.name, &manifest)
        try Folder.write(manifest.encoded(), to: folder.manifest)
    }

    // MARK: Source

    /// Gets the source at hand; `nil` where it is a kernel alone, which is in place then.
    private func input(_ manifest: inout ImageManifest, _ progress: ImageProgressHandler) throws(ImageError) -> Input? {
        switch recipe.source {
        case .mmdebstrap(let suite, let packages, let variant, let architecture):
            let source = try MmdebstrapSource(
                suite: suite, packages: packages, variant: variant, architecture: architecture, recipe: recipe)
            return Input(path: try source.archive(in: store, progress: progress), part: .wholeFile)
        case .archive(let path, let sha256):
            return Input(
                path: RecipePath.resolve(path, in: recipe.folder), part: .wholeFile, expected: sha256.flatMap { Digest(hex: $0) })
        case .deb(let package):
            let package = try DebSource(package).package(in: store, progress: progress)
            return Input(path: package.path, part: .member(prefix: "data.tar"), expected: package.digest)
        case .kernel(let path):
            let (size, sha256) = try KernelSource(path: RecipePath.resolve(path, in: recipe.folder)).copy(to: folder.kernel)
            manifest.kernel = ImageManifest.File(origin: path, size: size, sha256: sha256)
            return nil
        }
    }

    private func wantedBootFiles() throws(ImageError) -> [(pattern: FilePattern, output: String)] {
        if case .kernel = recipe.source {
            guard recipe.boot.kernel == nil, recipe.boot.initrd == nil else {
                throw ImageError(
                    .recipe("boot.kernel and boot.initrd are files inside an image, and this source is a bare kernel"), recipe.name)
            }
            return []
        }
        guard let kernel = recipe.boot.kernel else {
            throw ImageError(.recipe("boot.kernel is missing: say which file of the image starts, such as /boot/vmlinuz-*"), recipe.name)
        }
        let initrd = recipe.boot.initrd.map { (FilePattern($0), folder.initrd) }
        return [(FilePattern(kernel), folder.kernel)] + [initrd].compactMap(\.self)
    }

    // MARK: Content

    private func fill(_ sink: inout some ArchiveSink & ~Copyable, from input: Input?, _ progress: ImageProgressHandler) throws(ImageError) {
        if let input { try read(input, into: &sink, progress) }
        try OverlayLayer(recipe).feed(&sink)
    }

    private func read(_ input: Input, into sink: inout some ArchiveSink & ~Copyable, _ progress: ImageProgressHandler) throws(ImageError) {
        let file = try FileDigest.open(input.path)
        let total = (try? FileStatus(of: input.path))?.size ?? 0
        let size = recipe.disk?.size.bytes ?? 0
        let limit = max(ImageBuild.decodedFloor, size.multipliedReportingOverflow(by: ImageBuild.decodedDisks).partialValue)
        let stream = try DecodedStream(
            file, input.part, subject: input.path, expected: input.expected, limits: .init(decodedBytes: limit))
        var next: UInt64 = 0
        do throws(ImageError) {
            try ArchiveReader(stream, subject: input.path).feed(&sink) { done in
                guard done >= next else { return }
                next = done + ImageBuild.progressStep
                progress(.reading(done: done, total: total))
            }
        } catch {
            // A wrong file explains a broken one.
            throw input.expected == nil ? error : stream.explain(error)
        }
        _ = try stream.finish()
        progress(.reading(done: total, total: total))
    }

    // MARK: Results

    private func describeDisk(_ disk: ImageRecipe.Disk) throws(ImageError) -> ImageManifest.Disk {
        let contents = try DiskDigest.digest(of: folder.disk)
        do throws(OSError) {
            let status = try FileStatus(of: folder.disk)
            return ImageManifest.Disk(size: status.size, allocated: status.allocated, contents: contents)
        } catch {
            throw ImageError(error, folder.disk)
        }
    }

    private func record(_ files: BootFiles, _ count: Int, _ archive: String, _ manifest: inout ImageManifest) throws(ImageError) {
        guard count > 0 else { return }
        for found in try files.found(in: archive) {
            let bytes = try Folder.read(found.output, limit: Int(BootFiles.maximumSize))
            let file = ImageManifest.File(origin: found.origin, size: UInt64(bytes.count), sha256: SHA256.digest(of: bytes))
            if found.output == folder.kernel { manifest.kernel = file } else { manifest.initrd = file }
        }
    }
}
