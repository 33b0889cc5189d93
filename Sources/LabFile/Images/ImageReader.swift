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
                protocolName: boot.protocolName.value ?? .automatic, kernel: boot.kernel.value, initrd: boot.initrd.value,
                commandLine: boot.commandLine.value ?? ""),
            disk: disk(draft.disk.value), files: files, folder: folder)
    }

    private static func disk(_ draft: ImageDiskDraft?) -> ImageRecipe.Disk? {
        guard let draft, let size = draft.size.value else { return nil }
        return ImageRecipe.Disk(fileSystem: draft.fileSystem.value ?? .ext4, size: size, journal: draft.journal.value ?? true)
    }

    private static func source(_ draft: SourceDraft, _ mark: Mark, _ findings: inout Findings) -> ImageRecipe.Source? {
        let marks = draft.marks
        if marks.isEmpty { findings.add(mark, "`from` wants one source: mmdebstrap, archive, deb or kernel") }
        if let second = marks.dropFirst().first { findings.add(second, "`from` wants exactly one source; this is another one") }
        if let mmdebstrap = draft.mmdebstrap.value, let suite = mmdebstrap.suite.value {
            return .mmdebstrap(
                suite: suite, packages: mmdebstrap.packages.value?.map(\.value) ?? [], variant: mmdebstrap.variant.value ?? "minbase",
                architecture: mmdebstrap.architecture.value ?? "amd64")
        }
        if let archive = draft.archive.value, let path = archive.path.value { return .archive(path: path, sha256: archive.sha256.value) }
        if let package = draft.deb.value { return .deb(package: package) }
        return draft.kernel.value?.path.value.map { .kernel(path: $0) }
    }

    /// A bare kernel has nothing in it; everything else needs a kernel in it to start.
    private static func checkParts(
        _ from: SourceDraft, _ draft: ImageDraft, _ start: Mark, _ findings: inout Findings
    ) {
        guard from.marks.count == 1 else { return }
        let boot = draft.boot.value
        if !from.kernel.isAbsent {
            if let mark = draft.disk.mark { findings.add(mark, "a bare kernel has no disk") }
            if let mark = boot?.kernel.mark { findings.add(mark, "the source is the kernel; there is no image to look for one in") }
            if let mark = boot?.initrd.mark { findings.add(mark, "a bare kernel has no image to look for an initrd in") }
            if let mark = draft.files.mark { findings.add(mark, "a bare kernel has no disk to put files on") }
            return
        }
        let wanted = "`boot.kernel`: the kernel's path in the image, such as `/boot/vmlinuz-*`"
        if draft.boot.isAbsent { findings.add(start, "the recipe has no \(wanted)") }
        if case .value(let boot, let mark) = draft.boot, boot.kernel.isAbsent { findings.add(mark, "there is no \(wanted)") }
        if draft.disk.isAbsent, let mark = draft.files.mark { findings.add(mark, "the recipe has no `disk` to put files on") }
    }
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
