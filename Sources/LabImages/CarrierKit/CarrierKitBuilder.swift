internal import Glibc
internal import Host
internal import LabModel

/// What a carrier boots: a kernel that loads fast, and an initramfs with nothing in it but what starts one `vmlab-machine`.
package struct CarrierKitFiles: Hashable, Sendable {
    /// The kernel as an ELF file with a PVH note: no decompression at every start.
    package var kernel: String
    /// An uncompressed cpio: more archives may be appended at its end, which is a multiple of 4 bytes.
    package var initramfs: String
    /// The package both come from: `linux-image-6.1.0-9-cloud-amd64`.
    package var package: String
}

extension ImageStore {
    /// Whether a kit has been made, be it by programs of another version.
    package var hasCarrierKit: Bool {
        Folder.names(CacheShelf(cache: cache, kind: "carriers").path("")).contains { !$0.hasSuffix(CacheShelf.partSuffix) }
    }
}

/// Makes the carrier's kernel and initramfs out of Debian's cloud kernel package and two programs of ours.
///
///     /init              the init program, process 1
///     /vmlab-machine     the monitor
///     /modules           file names in load order, one a line
///     /lib/modules/*.ko  those modules, uncompressed
///     /dev/console       for messages before /dev is mounted
///
/// Cached by the digests of everything that goes in. Nothing is installed, and no root is needed.
package enum CarrierKitBuilder {
    /// The package whose kernel has what a carrier needs and little else.
    package static let kernelPackage = "linux-image-cloud-amd64"
    /// Load order: each after what it uses. KVM first, then virtio with its two device drivers.
    static let modules = [
        "irqbypass", "kvm", "kvm-amd", "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
        "virtio_console", "virtio_blk",
    ]
    private static let version = 2
    /// The unpacked kernel has about 60 MB.
    private static let maximumKernel = 512 << 20
    private static let maximumModule = 64 << 20

    /// Makes the kit unless it is in the cache; the first time, downloads the kernel's package.
    ///
    /// - Parameters:
    ///   - initProgram: path of `vmlab-carrier-init`.
    ///   - machineProgram: path of `vmlab-machine`.
    package static func build(
        store: ImageStore, initProgram: String, machineProgram: String, progress: ImageProgressHandler = { _ in }
    ) throws(ImageError) -> CarrierKitFiles {
        let package = try DebSource(kernelPackage).package(in: store, progress: progress)
        let initBytes = try Folder.read(initProgram, limit: maximumModule)
        let machineBytes = try Folder.read(machineProgram, limit: maximumModule)
        var hash = KeyHash(kind: "carrier \(version)")
        hash.add("package", package.digest)
        hash.add("modules", modules)
        hash.add("init", SHA256.digest(of: initBytes))
        hash.add("machine", SHA256.digest(of: machineBytes))
        let key = hash.finish()
        let shelf = CacheShelf(cache: store.cache, kind: "carriers")
        func files(_ folder: String) -> CarrierKitFiles {
            CarrierKitFiles(kernel: folder + "/vmlinux", initramfs: folder + "/initramfs.cpio", package: package.name)
        }
        try shelf.make(
            key, isWhole: { FileStatus.isFile(files($0).kernel) && FileStatus.isFile(files($0).initramfs) },
            waiting: { progress(.waitingForBuilder) }
        ) { folder throws(ImageError) in
            var contents = try KernelPackage.read(package.path, modules: modules, maximumModule: maximumModule)
            // A kernel of another shape still makes a carrier for every guest but those that write CR8.
            for index in contents.modules.indices where contents.modules[index].name == "kvm-amd" {
                contents.modules[index].bytes = CR8Interception.always(in: contents.modules[index].bytes) ?? contents.modules[index].bytes
            }
            try Folder.write(try kernel(contents.image, package.path), to: files(folder).kernel)
            try Folder.write(initramfs(contents.modules, initBytes, machineBytes), to: files(folder).initramfs)
        }
        return files(shelf.path(key))
    }

    /// The ELF inside a bzImage.
    static func kernel(_ image: [UInt8], _ subject: String) throws(ImageError) -> [UInt8] {
        guard let payload = KernelPayload(bzImage: image) else {
            throw ImageError(.damagedArchive("the kernel in it is not a bzImage with a payload"), subject)
        }
        let kernel = try Unpacking.unpack(payload.packed, limit: maximumKernel, subject: subject)
        guard kernel.starts(with: KernelPayload.elfMagic), kernel.count == payload.unpackedSize else {
            throw ImageError(.damagedArchive("the kernel in it does not unpack to an ELF file of the size it says"), subject)
        }
        return kernel
    }

    static func initramfs(_ modules: [(name: String, bytes: [UInt8])], _ initProgram: [UInt8], _ machineProgram: [UInt8]) -> [UInt8] {
        var cpio = NewcWriter()
        for folder in ["dev", "proc", "sys", "lib", "lib/modules"] { cpio.directory(folder) }
        cpio.characterDevice("dev/console", mode: 0o600, major: 5, minor: 1)
        cpio.file("init", mode: 0o755, data: initProgram)
        cpio.file("vmlab-machine", mode: 0o755, data: machineProgram)
        cpio.file("modules", mode: 0o644, data: Array(modules.map { "/lib/modules/\($0.name).ko\n" }.joined().utf8))
        for module in modules { cpio.file("lib/modules/\(module.name).ko", mode: 0o644, data: module.bytes) }
        cpio.finish()
        return cpio.bytes
    }
}
