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
    private static let gzip: [UInt8] = [0x1F, 0x8B]

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
        var part = DecodedStream.Part.wholeFile
        var expected: Digest?
        var isZip = false
        /// What it may unpack to; by the size of the disk if nil.
        var limit: UInt64?
    }

    func run(_ progress: ImageProgressHandler) throws(ImageError) {
        var manifest = ImageManifest(name: recipe.name, key: key, boot: recipe.boot)
        let inputs = try inputs(&manifest, progress)
        let wanted = try wantedBootFiles()
        let bootFiles = BootFiles(wanted)
        let parts = InitramfsParts(recipe.initramfs)
        if let disk = recipe.disk {
            var sink = TwoSinks(parts, TwoSinks(bootFiles, try Ext4Disk.create(folder.disk, disk, of: recipe.name)))
            try fill(&sink, from: inputs, parts, progress)
            progress(.finishing)
            try Ext4Disk.finish(sink.second.second, folder.disk)
            manifest.disk = try describeDisk()
        } else {
            var sink = TwoSinks(parts, bootFiles)
            try fill(&sink, from: inputs, parts, progress)
        }
        try record(bootFiles, wanted.count, inputs.last?.path ?? recipe.name, &manifest)
        if let file = recipe.diskFile {
            try copyDisk(file, progress)
            manifest.disk = try describeDisk()
        }
        if let disk = recipe.efiDisk {
            progress(.finishing)
            let files = disk.files.enumerated().map { (to: $0.element.to, content: part($0.offset)) }
            try EFIDisk.write(folder.disk, size: disk.size, files, of: recipe.name)
            for file in files { try Folder.removeFile(file.content) }
            manifest.disk = try describeDisk()
        }
        try Folder.write(manifest.encoded(), to: folder.manifest)
    }

    // MARK: Source

    /// Gets the source at hand; nothing where it is a kernel or a disk alone.
    private func inputs(_ manifest: inout ImageManifest, _ progress: ImageProgressHandler) throws(ImageError) -> [Input] {
        switch recipe.source {
        case .mmdebstrap(let suite, let packages, let variant, let architecture):
            let source = try MmdebstrapSource(
                suite: suite, packages: packages, variant: variant, architecture: architecture, recipe: recipe)
            return [Input(path: try source.archive(in: store, progress: progress))]
        case .archive(let path, let sha256):
            return [Input(path: RecipePath.resolve(path, in: recipe.folder), expected: sha256.flatMap { Digest(hex: $0) })]
        case .deb(let names, let suite, let architecture):
            var inputs: [Input] = []
            for name in names {
                let package = try DebSource(name, suite: suite, architecture: architecture).package(in: store, progress: progress)
                inputs.append(
                    Input(
                        path: package.path, part: .member(prefix: "data.tar"), expected: package.digest, limit: DebSource.maximumUnpacked))
            }
            return inputs
        case .wheel(let package, let version, let sha256):
            let source = try WheelSource(package: package, version: version, sha256: sha256)
            return [Input(path: try source.wheel(in: store, progress: progress), expected: source.digest, isZip: true)]
        case .disk: return []
        case .kernel(let path):
            let (size, sha256) = try KernelSource(path: RecipePath.resolve(path, in: recipe.folder)).copy(to: folder.kernel)
            manifest.kernel = ImageManifest.File(origin: path, size: size, sha256: sha256)
            return []
        }
    }

    private var diskSource: String { folder.disk + ".source" }

    /// What the file of this number on an EFI system partition is copied from.
    private func part(_ number: Int) -> String { folder.disk + ".part\(number)" }

    private func wantedBootFiles() throws(ImageError) -> [(pattern: FilePattern, output: String)] {
        var wanted: [(pattern: FilePattern, output: String)] = []
        if case .kernel = recipe.source {
            guard recipe.boot.kernel == nil else {
                throw ImageError(.recipe("boot.kernel is a file inside an image, and this source is a bare kernel"), recipe.name)
            }
        } else {
            guard recipe.boot.kernel != nil || recipe.boot.firmware != nil else {
                throw ImageError(
                    .recipe("boot.kernel is missing: say which file of the image starts, such as /boot/vmlinuz-*"), recipe.name)
            }
            if let kernel = recipe.boot.kernel { wanted.append((FilePattern(kernel), folder.kernel)) }
        }
        if let initrd = recipe.boot.initrd { wanted.append((FilePattern(initrd), folder.initrd)) }
        if let firmware = recipe.boot.firmware { wanted.append((FilePattern(firmware), folder.firmware)) }
        if let nvram = recipe.boot.nvram { wanted.append((FilePattern(nvram), folder.nvram)) }
        for (index, module) in recipe.boot.modules.enumerated() { wanted.append((FilePattern(module.from), folder.module(index))) }
        if let cdrom = recipe.cdrom { wanted.append((FilePattern(cdrom), folder.cdrom)) }
        if let from = recipe.diskFile?.from { wanted.append((FilePattern(from), diskSource)) }
        for (index, file) in (recipe.efiDisk?.files ?? []).enumerated() { wanted.append((FilePattern(file.from), part(index))) }
        return wanted
    }

    // MARK: Content

    private func fill(
        _ sink: inout some ArchiveSink & ~Copyable, from inputs: [Input], _ parts: InitramfsParts, _ progress: ImageProgressHandler
    ) throws(ImageError) {
        for input in inputs { try read(input, into: &sink, progress) }
        try OverlayLayer(recipe).feed(&sink)
        guard let (path, bytes) = try parts.finish(folder: recipe.folder) else { return }
        do throws(SinkError) {
            try sink.begin(
                ArchiveEntry(
                    path: Array(path.utf8), kind: .file(size: UInt64(bytes.count)), mode: 0o644,
                    modified: ArchiveEntry.Time(seconds: OverlayLayer.epoch)))
            // Safe because bytes have no padding.
            unsafe try sink.data(bytes.span.bytes, at: 0)
            try sink.end()
        } catch {
            throw ImageError(error, archive: path)
        }
    }

    private func read(_ input: Input, into sink: inout some ArchiveSink & ~Copyable, _ progress: ImageProgressHandler) throws(ImageError) {
        let file = try FileDigest.open(input.path)
        let total = (try? FileStatus(of: input.path))?.size ?? 0
        let size = recipe.disk?.size.bytes ?? 0
        let limit = input.limit ?? max(ImageBuild.decodedFloor, size.multipliedReportingOverflow(by: ImageBuild.decodedDisks).partialValue)
        let stream = try DecodedStream(
            file, input.part, subject: input.path, expected: input.expected, limits: .init(decodedBytes: limit))
        var next: UInt64 = 0
        do throws(ImageError) {
            try ArchiveReader(stream, subject: input.path, isZip: input.isZip).feed(&sink) { done in
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

    private func copyDisk(_ file: ImageRecipe.DiskFile, _ progress: ImageProgressHandler) throws(ImageError) {
        if case .disk(let path, let sha256) = recipe.source {
            let source = RecipePath.resolve(path, in: recipe.folder)
            return try DiskCopy.copy(
                source, file.format, expected: sha256.flatMap { Digest(hex: $0) }, to: folder.disk, progress: progress)
        }
        try DiskCopy.copy(diskSource, file.format, to: folder.disk, progress: progress)
        try Folder.removeFile(diskSource)
    }

    private func describeDisk() throws(ImageError) -> ImageManifest.Disk {
        let contents = try DiskDigest.digest(of: folder.disk)
        do throws(OSError) {
            let status = try FileStatus(of: folder.disk)
            return ImageManifest.Disk(size: status.size, allocated: status.allocated, contents: contents)
        } catch {
            throw ImageError(error, folder.disk)
        }
    }

    private func describeMedium(_ origin: String) throws(ImageError) -> ImageManifest.File {
        let digest = try FileDigest.digest(of: folder.cdrom)
        do throws(OSError) {
            return ImageManifest.File(origin: origin, size: try FileStatus(of: folder.cdrom).size, sha256: digest)
        } catch {
            throw ImageError(error, folder.cdrom)
        }
    }

    private func record(_ files: BootFiles, _ count: Int, _ archive: String, _ manifest: inout ImageManifest) throws(ImageError) {
        guard count > 0 else { return }
        for found in try files.found(in: archive) where !found.output.hasPrefix(folder.disk) {
            if found.output == folder.cdrom {
                manifest.cdrom = try describeMedium(found.origin)
                continue
            }
            var bytes = try Folder.read(found.output, limit: Int(BootFiles.maximumSize))
            // Kernels that no boot loader unpacks are often packed as a whole; Linux unpacks itself, and its initial RAM disk.
            if found.output == folder.kernel, bytes.starts(with: ImageBuild.gzip) {
                bytes = try Unpacking.unpack(bytes[...], limit: Int(BootFiles.maximumSize), subject: found.origin)
                try Folder.removeFile(found.output)
                try Folder.write(bytes, to: found.output)
            }
            let file = ImageManifest.File(origin: found.origin, size: UInt64(bytes.count), sha256: SHA256.digest(of: bytes))
            switch found.output {
            case folder.kernel: manifest.kernel = file
            case folder.initrd: manifest.initrd = file
            case folder.firmware: manifest.firmware = file
            case folder.nvram: manifest.nvram = file
            default: manifest.modules.append(file)
            }
        }
    }
}
