import LabModel

/// The text of an `image.yaml` to a recipe: no variables, no overrides, so that the recipe alone says what the image is.
enum ImageReader {
    static func read(source: Int, folder: String, _ findings: inout Findings) -> ImageRecipe? {
        let start = Mark(source: source, line: 1, column: 1)
        guard let root = TreeBuilder.read(source: source, in: &findings) else { return nil }
        let place = Place(name: "the image recipe", mark: start)
        guard let draft = Table<ImageDraft>.image.read(root, place, into: ImageDraft(), &findings) else { return nil }
        let expected = folder.split(separator: "/").last.map(String.init) ?? ""
        if case .value(let name, let mark) = draft.name, name != expected {
            findings.add(mark, "the image is named \(quoted(name)), but its folder is \(quoted(expected))")
        }
        let boot = draft.boot.value ?? BootDraft()
        var source: ImageRecipe.Source?
        if case .value(let from, let mark) = draft.from {
            source = self.source(from, mark, &findings)
            checkParts(from, draft, start, &findings)
        }
        let files = (draft.files.value ?? []).compactMap { $0.value.file(at: $0.mark, &findings) }
        guard let name = draft.name.value, let source else { return nil }
        return ImageRecipe(
            name: name, source: source,
            boot: ImageRecipe.Boot(
                protocolName: boot.protocolName.value ?? .automatic, board: boot.board.value ?? .pc,
                kernel: boot.kernel.value, initrd: boot.initrd.value, commandLine: boot.commandLine.value ?? "",
                firmware: boot.firmware.value, nvram: boot.nvram.value,
                modules: (boot.modules.value ?? []).compactMap { module in
                    module.value.from.value.map { ImageRecipe.Module(from: $0, text: module.value.text.value ?? "") }
                }),
            disk: disk(draft.disk.value), diskFile: diskFile(draft), efiDisk: efiDisk(draft.disk.value),
            diskBus: draft.disk.value?.bus.value ?? .virtio,
            cdrom: draft.cdrom.value?.from.value, initramfs: initramfs(draft.initramfs.value),
            files: files, folder: folder)
    }

    private static func disk(_ draft: ImageDiskDraft?) -> ImageRecipe.Disk? {
        guard let draft, draft.from.isAbsent, draft.fileSystem.value != .fat, let size = draft.size.value else { return nil }
        return ImageRecipe.Disk(fileSystem: draft.fileSystem.value ?? .ext4, size: size, journal: draft.journal.value ?? true)
    }

    private static func efiDisk(_ draft: ImageDiskDraft?) -> ImageRecipe.EFIDisk? {
        guard let draft, draft.from.isAbsent, draft.fileSystem.value == .fat, let size = draft.size.value else { return nil }
        let files = (draft.files.value ?? []).compactMap { file -> ImageRecipe.EFIDisk.Copy? in
            guard let from = file.value.from.value, let to = file.value.to.value else { return nil }
            return ImageRecipe.EFIDisk.Copy(from: from, to: to)
        }
        return ImageRecipe.EFIDisk(size: size, files: files)
    }

    private static func initramfs(_ draft: InitramfsDraft?) -> ImageRecipe.Initramfs? {
        guard let draft, let to = draft.to.value else { return nil }
        return ImageRecipe.Initramfs(
            to: to, over: draft.over.value, start: draft.start.value, files: draft.files.value?.map(\.value) ?? [],
            modules: draft.modules.value?.map(\.value) ?? [])
    }

    private static func diskFile(_ draft: ImageDraft) -> ImageRecipe.DiskFile? {
        if let format = draft.from.value?.disk.value?.format.value { return ImageRecipe.DiskFile(from: nil, format: format) }
        guard let disk = draft.disk.value, let from = disk.from.value, let format = disk.format.value else { return nil }
        return ImageRecipe.DiskFile(from: from, format: format)
    }

    /// A disk is made, or taken: each wants its own keys.
    private static func checkDisk(_ written: Written<ImageDiskDraft>, isSource: Bool, _ findings: inout Findings) {
        guard case .value(let disk, let mark) = written else { return }
        if isSource {
            // How it is reached is all that is left to say of it.
            let text = "the source is the disk; only its `bus` can be said here"
            if disk.bus.isAbsent, disk.otherMarks.isEmpty { findings.add(mark, text) }
            for mark in disk.otherMarks { findings.add(mark, text) }
            return
        }
        if disk.from.isAbsent {
            if disk.size.isAbsent { findings.add(mark, "`disk` has no `size`, nor a file that it is taken `from`") }
            if let mark = disk.format.mark { findings.add(mark, "`format` is that of a disk which is taken `from` a file") }
            if disk.fileSystem.value == .fat {
                if disk.files.value?.isEmpty ?? true {
                    findings.add(mark, "an EFI system partition has only the `files` that are named here")
                }
                if let mark = disk.journal.mark { findings.add(mark, "a FAT file system has no journal") }
                if case .value(let size, let mark) = disk.size, !ImageRecipe.EFIDisk.sizes.contains(size) {
                    findings.add(mark, "a disk with an EFI system partition has 40MiB to 32GiB")
                }
            } else if let mark = disk.files.mark {
                findings.add(mark, "an ext4 disk has all files of the image; `files` are those of `filesystem: fat`")
            }
        } else {
            if disk.format.isAbsent { findings.add(mark, "a disk that is taken `from` a file wants its `format`: raw or qcow2") }
            for mark in [disk.size.mark, disk.fileSystem.mark, disk.journal.mark, disk.files.mark].compactMap(\.self) {
                findings.add(mark, "a disk that is taken `from` a file has its own size and file system")
            }
        }
    }

    private static func source(_ draft: SourceDraft, _ mark: Mark, _ findings: inout Findings) -> ImageRecipe.Source? {
        let marks = draft.marks
        if marks.isEmpty { findings.add(mark, "`from` wants one source: mmdebstrap, archive, deb, wheel, disk or kernel") }
        if let second = marks.dropFirst().first { findings.add(second, "`from` wants exactly one source; this is another one") }
        if let mmdebstrap = draft.mmdebstrap.value, let suite = mmdebstrap.suite.value {
            return .mmdebstrap(
                suite: suite, packages: mmdebstrap.packages.value?.map(\.value) ?? [], variant: mmdebstrap.variant.value ?? "minbase",
                architecture: mmdebstrap.architecture.value ?? "amd64")
        }
        if let archive = draft.archive.value, let path = archive.path.value { return .archive(path: path, sha256: archive.sha256.value) }
        if let deb = draft.deb.value, let packages = deb.packages.value, !packages.isEmpty {
            return .deb(packages: packages.map(\.value), suite: deb.suite.value, architecture: deb.architecture.value)
        }
        if case .value(let deb, let mark) = draft.deb, deb.packages.value?.isEmpty == true {
            findings.add(mark, "`deb` names no package")
        }
        if let wheel = draft.wheel.value, let package = wheel.package.value, let version = wheel.version.value,
            let sha256 = wheel.sha256.value
        {
            return .wheel(package: package, version: version, sha256: sha256)
        }
        if let disk = draft.disk.value, let path = disk.path.value { return .disk(path: path, sha256: disk.sha256.value) }
        return draft.kernel.value?.path.value.map { .kernel(path: $0) }
    }

    /// A bare kernel and a bare disk have nothing else in them; everything else needs a kernel in it to start.
    private static func checkParts(
        _ from: SourceDraft, _ draft: ImageDraft, _ start: Mark, _ findings: inout Findings
    ) {
        checkDisk(draft.disk, isSource: from.marks.count == 1 && !from.disk.isAbsent, &findings)
        guard from.marks.count == 1 else { return }
        let boot = draft.boot.value
        let isBare = !from.kernel.isAbsent || !from.disk.isAbsent
        if isBare {
            let kind = from.kernel.isAbsent ? "disk" : "kernel"
            if let mark = draft.disk.mark, !from.kernel.isAbsent { findings.add(mark, "a bare kernel has no disk") }
            if !from.kernel.isAbsent, let mark = boot?.kernel.mark {
                findings.add(mark, "the source is the kernel; there is no image to look for one in")
            }
            let modules = boot?.modules.value?.map { ("a module", $0.value.from) } ?? []
            let parts = [("an initrd", boot?.initrd ?? .absent), ("a CD", draft.cdrom.value?.from ?? .absent)]
            for (name, path) in parts + modules {
                guard case .value(let path, let mark) = path, !draft.hasFile(path) else { continue }
                findings.add(mark, "a bare \(kind) has no image to look for \(name) in; name one of `files`")
            }
        }
        if let mark = boot?.nvram.mark, boot?.firmware.isAbsent == true {
            findings.add(mark, "`nvram` belongs to a `firmware`, and none is named")
        }
        if case .value(.cloudHypervisor, let mark)? = boot?.board, boot?.firmware.isAbsent == false {
            findings.add(
                mark,
                "a `firmware` at the reset vector knows the board `pc` only; one for `cloud-hypervisor` is an ELF file, and `kernel` names it"
            )
        }
        if from.kernel.isAbsent, boot?.firmware.isAbsent ?? true {
            let wanted = "`boot.kernel`: the kernel's path in the image, such as `/boot/vmlinuz-*`"
            if draft.boot.isAbsent { findings.add(start, "the recipe has no \(wanted)") }
            if case .value(let boot, let mark) = draft.boot, boot.kernel.isAbsent { findings.add(mark, "there is no \(wanted)") }
        }
        if case .value(let initramfs, let mark) = draft.initramfs, initramfs.start.isAbsent, initramfs.over.isAbsent {
            findings.add(mark, "an initramfs wants an `init`, process 1, or another to lie `over`, which has one")
        }
        checkFiles(draft, isMadeOfPackages: !from.mmdebstrap.isAbsent, &findings)
    }

    /// Without a disk to put it on, a file is one of those that the machine starts from, or is there while packages are configured.
    private static func checkFiles(_ draft: ImageDraft, isMadeOfPackages: Bool, _ findings: inout Findings) {
        let disk = draft.disk.value
        let isTaken = draft.from.value?.disk.isAbsent == false
        guard disk.map({ isTaken || !$0.from.isAbsent || $0.fileSystem.value == .fat }) ?? draft.disk.isAbsent, !isMadeOfPackages else {
            return
        }
        let boot = draft.boot.value
        let started =
            [boot?.kernel.value, boot?.initrd.value, boot?.firmware.value, boot?.nvram.value, draft.cdrom.value?.from.value].compactMap(
                \.self)
            + (boot?.modules.value?.compactMap(\.value.from.value) ?? []) + (draft.initramfs.value?.files.value?.map(\.value) ?? [])
            + (disk?.files.value?.compactMap(\.value.from.value) ?? [])
        for file in draft.files.value ?? [] {
            guard let to = file.value.to.value, !started.contains(to) else { continue }
            findings.add(file.mark, "there is no disk of the recipe's making to put \(quoted(to)) on, and `boot` does not name it")
        }
    }
}

extension ImageDiskDraft {
    /// Where the keys stand that make a disk, or take one.
    fileprivate var otherMarks: [Mark] {
        [from.mark, format.mark, fileSystem.mark, size.mark, journal.mark, files.mark].compactMap(\.self)
    }
}

extension ImageDraft {
    /// Whether one of `files` has this path.
    fileprivate func hasFile(_ path: String) -> Bool { files.value?.contains { $0.value.to.value == path } ?? false }
}

extension FileDraft {
    /// The file that is meant, if one is.
    func file(at mark: Mark, _ findings: inout Findings) -> ImageRecipe.File? {
        let written = [text.mark, from.mark, symlink.mark].compactMap { $0 }
        if written.count != 1 {
            findings.add(written.dropFirst().first ?? mark, "a file wants exactly one of `text`, `from` and `symlink`")
        }
        if !symlink.isAbsent, let mark = mode.mark { findings.add(mark, "a symbolic link has no permission bits of its own") }
        let content: ImageRecipe.File.Content? =
            text.value.map { .text($0) } ?? from.value.map { .from(path: $0) } ?? symlink.value.map { .symlink(target: $0) }
        guard let to = to.value, let content else { return nil }
        return ImageRecipe.File(to: to, content: content, mode: mode.value ?? 0o644)
    }
}
