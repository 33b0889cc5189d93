import LabFile
import LabModel
import Testing

@Suite struct `mistakes outside of the lab file` {
    let good = "name: a\nnetworks: {lan: {}}\nmachines:\n  db: {image: pulse, disks: [{size: 1GiB}], ready: {console: x}}\n"

    /// `file:line:column message` of everything that is wrong.
    func mistakes(_ result: Result<Lab, Diagnostics>) -> [String] {
        Reading.diagnostics(result).map { "\($0.file):\($0.line):\($0.column) \($0.message)" }
    }

    @Test(arguments: [
        ("machines.dv.cpus=2", "1:1 there is no machine `dv` to set this of; did you mean `db`?"),
        ("networks.lna.mtu=9000", "1:1 there is no network `lna` to set this of; did you mean `lan`?"),
        ("networks.lan.mtu=9000", nil), ("networks.lan.link.loss=0.5", "1:24 `loss` wants a unit: 0.5%?"),
        ("machines.db.cpus=9", "1:18 `cpus` wants a whole number from 1 to 8, not `9`"),
        ("machines.db.cpsu=1", "1:1 unknown key `cpsu`; did you mean `cpus`?"),
        ("machines.db", "1:1 `--set` wants a path and a value such as `machines.web.cpus=2`"),
        ("machines..cpus=1", "1:1 a part of this path is empty"),
        ("=1", "1:1 a part of this path is empty"),
        ("name.x=1", "1:1 `name` is `a`, which has no `x` in it"),
        ("machines.db.disks.1.size=1GiB", "1:1 `machines.db.disks` is a list of 1; `1` is not the number of an entry, counted from 0"),
        ("machines.db.disks.-1.size=1GiB", "1:1 `machines.db.disks` is a list of 1; `-1` is not the number of an entry, counted from 0"),
        ("machines.db.after=[", "1:20 a value is expected here"),
        ("machines.db.after=[db, {]", "1:25 this `]` closes nothing that is open here"),
        ("machines.db.after=[\u{1}]", "1:19 control character U+0001; in double quotes it can be written as an escape"),
        ("machines.db.disks=[{size: 1}]", "1:27 `size` wants a unit: 1MiB or 1GiB?"),
        ("machines.db.memory=", "1:20 `memory` wants a size with its unit such as `512MiB`, not nothing"),
        ("machines.db.ready.console=a\nb\u{7}", "1:27 `console` cannot hold control character U+7"),
        ("machines.db.ready.console=${HOME", nil),
    ])
    func `an override is pointed at in its argument`(_ override: String, _ message: String?) {
        #expect(mistakes(Reading.lab(good, overrides: [override])) == (message.map { ["--set:" + $0] } ?? []))
    }

    @Test func `overrides are told apart by their number`() {
        let mistakes = mistakes(Reading.lab(good, overrides: ["seed=1", "seed=x", "machines.db.ready={console: y}"]))
        #expect(mistakes == ["--set:2:6 `seed` wants a whole number from 0 to 18446744073709551615, not `x`"])
    }

    @Test func `memory beyond the host's is refused, one machine's and all together`() {
        let host = ByteCount(bytes: 1 << 30)
        let one = "name: a\ndefaults: {image: pulse}\nmachines:\n  a: {memory: 2GiB}\n  b: {}\n"
        #expect(
            mistakes(Reading.lab(one, hostMemory: host)) == ["lab.yaml:4:15 machine `a` has 2GiB of memory; this host has 1024MiB"])
        let sum = "name: a\ndefaults: {image: pulse, memory: 512MiB}\nmachines:\n  a: {count: 3}\n"
        #expect(
            mistakes(Reading.lab(sum, hostMemory: host)) == [
                "lab.yaml:4:3 the machines have 1536MiB of memory together; this host has 1024MiB"
            ])
        #expect(mistakes(Reading.lab(sum, hostMemory: nil)).isEmpty)
    }

    @Test func `variables that are nearly set are named`() {
        let lab = Reading.lab("name: \"${LAB_NMAE}\"\nmachines: {db: {image: pulse}}\n", environment: ["LAB_NAME": "a"])
        #expect(mistakes(lab) == ["lab.yaml:1:8 variable `LAB_NMAE` is not set; did you mean `LAB_NAME`?"])
    }

    @Test func `what a variable holds cannot outgrow the limits`() {
        let text = "name: a\nmachines:\n  db:\n    image: pulse\n    cmdline: \(String(repeating: "${X}", count: 100))\n"
        let lab = Reading.lab(text, environment: ["X": String(repeating: "x", count: 1000)])
        #expect(mistakes(lab).first == "lab.yaml:5:14 this text has more than 65536 bytes once its variables are put in")
    }

    /// A recipe with `«` before what is wrong, in a lab that uses it.
    @Test(arguments: [
        Seeded("name: «oops\nfrom: {kernel: {path: k}}\n", "the image is named `oops`, but its folder is `img`"),
        Seeded("name: img\nfrom: «{}\n", "`from` wants one source: mmdebstrap, archive, deb, wheel, disk or kernel"),
        Seeded("name: img\nfrom: {deb: a, kernel: «{path: k}}\n", "`from` wants exactly one source; this is another one"),
        Seeded("name: img\nfrom: {«oci: {path: k}}\n", "`oci` is not supported by this version of vmlab")
            .and("««", at: "from: {", "`from` wants one source: mmdebstrap, archive, deb, wheel, disk or kernel"),
        Seeded(
            "«name: img\nfrom: {archive: {path: a.tar}}\n",
            "the recipe has no `boot.kernel`: the kernel's path in the image, such as `/boot/vmlinuz-*`"),
        Seeded(
            "name: img\nfrom: {archive: {path: a.tar}}\nboot: «{protocol: linux}\n",
            "there is no `boot.kernel`: the kernel's path in the image, such as `/boot/vmlinuz-*`"),
        Seeded(
            "name: img\nfrom: {archive: {path: a, sha256: «00ff}}\nboot: {kernel: «boot/k, protocol: «uefi}\n",
            "a SHA-256 digest has 64 hexadecimal digits, not 4", "`boot/k` is not an absolute path in the image: it begins with `/`",
            "`protocol` wants one of `auto`, `linux`, `pvh`, `multiboot`, `multiboot2`, not `uefi`"),
        Seeded(
            "name: img\nfrom: {deb: ovmf}\nboot: {firmware: /f, board: «cloud-hypervisor}\n",
            "a `firmware` at the reset vector knows the board `pc` only; one for `cloud-hypervisor` is an ELF file, and `kernel` names it"),
        Seeded(
            "name: img\nfrom: {deb: ovmf}\nboot: {kernel: /f, board: «q35}\n", "`board` wants one of `pc`, `cloud-hypervisor`, not `q35`"),
        Seeded("name: img\nfrom: {deb: ovmf}\nboot: {kernel: /k, nvram: «/v}\n", "`nvram` belongs to a `firmware`, and none is named"),
        Seeded(
            "name: img\nfrom: {kernel: {path: k}}\nboot: {kernel: «/k}\ndisk: «{size: 1GiB}\n",
            "the source is the kernel; there is no image to look for one in", "a bare kernel has no disk"),
        Seeded(
            "name: img\nfrom: {kernel: {path: k}}\nboot: {initrd: «/i, modules: [{from: «/m}, {from: /a}]}\nfiles: [{to: /a, text: b}, «{to: /c, text: d}]\n",
            "a bare kernel has no image to look for an initrd in; name one of `files`",
            "a bare kernel has no image to look for a module in; name one of `files`",
            "there is no disk of the recipe's making to put `/c` on, and `boot` does not name it"),
        Seeded(
            "name: img\nfrom: {deb: «{packages: []}}\nboot: {kernel: /k, modules: [«{text: a}, {from: «m}]}\n",
            "`deb` names no package", "an entry of `modules` has no `from`", "`m` is not an absolute path in the image: it begins with `/`"),
        Seeded(
            "name: img\nfrom: {«wheel: {package: a, version: \"1\"}}\nboot: {kernel: /k}\ndisk: «{from: /d, size: «1GiB}\n",
            "`wheel` has no `sha256`", "a disk that is taken `from` a file wants its `format`: raw or qcow2",
            "a disk that is taken `from` a file has its own size and file system"),
        Seeded(
            "name: img\nfrom: {disk: {path: d, format: «vmdk}}\nboot: {kernel: /k}\ndisk: {format: «raw}\n",
            "`vmdk` is not supported by this version of vmlab; `format` can be `raw`, `qcow2`",
            "the source is the disk; only its `bus` can be said here"),
        Seeded(
            "name: img\nfrom: {disk: {path: d, format: raw}}\nboot: {firmware: /k}\ndisk: «{}\ncdrom: {from: «/c}\nfiles: [{to: /k, from: k}, «{to: /x, from: x}]\n",
            "the source is the disk; only its `bus` can be said here",
            "a bare disk has no image to look for a CD in; name one of `files`",
            "there is no disk of the recipe's making to put `/x` on, and `boot` does not name it"),
        Seeded(
            "name: img\nfrom: {deb: a}\nboot: {firmware: /k}\ndisk: {from: /d, format: raw, bus: «scsi}\n«cdrom: {«path: /c}\n",
            "`scsi` is not supported by this version of vmlab; `bus` can be `virtio`, `ide`", "`cdrom` has no `from`",
            "unknown key `path`; known here: from"),
        Seeded(
            "name: img\nfrom: {deb: a}\nboot: {kernel: /k}\ndisk: «{filesystem: fat, size: «8MiB, journal: «true}\n",
            "an EFI system partition has only the `files` that are named here", "a disk with an EFI system partition has 40MiB to 32GiB",
            "a FAT file system has no journal"),
        Seeded(
            "name: img\nfrom: {deb: a}\nboot: {kernel: /k}\ndisk: {size: 64MiB, files: «[{from: «b, to: /c}, «{to: /d}]}\n",
            "an ext4 disk has all files of the image; `files` are those of `filesystem: fat`",
            "`b` is not an absolute path in the image: it begins with `/`", "an entry of `files` has no `from`"),
        Seeded(
            "name: img\nfrom: {deb: a}\nboot: {kernel: /k}\ninitramfs: {to: «i, init: init, modules: [«'../x']}\n",
            "`i` is not an absolute path in the image: it begins with `/`", "`../x` is not the name of a kernel module"),
        Seeded(
            "name: img\nfrom: {deb: a}\nboot: {kernel: /k, initrd: /i}\ninitramfs: «{to: /i, files: [/a]}\n",
            "an initramfs wants an `init`, process 1, or another to lie `over`, which has one"),
        Seeded(
            "name: img\nfrom: {mmdebstrap: {suite: «--evil, packages: [ok, «-o, «'a b']}}\nboot: {kernel: /k}\n",
            "`--evil` is not a name; letters a to z, digits, `-` and `.` are allowed", "`-o` is not the name of a package",
            "`a b` is not the name of a package"),
        Seeded(
            """
            name: img
            from: {deb: memtest86+}
            boot: {kernel: /k}
            disk: {size: «2G, journal: «yes, filesystem: «xfs}
            files:
              - {to: «a, text: x}
              - {to: «/a/../b, text: x}
              - {to: «/a/./b, text: x}
              - {to: «/a/, text: x}
              - «{to: /a}
              - {to: /b, text: x, symlink: «y}
              - {to: /c, symlink: y, mode: «"0644"}
              - {to: /d, text: x, mode: «"0999"}
              - {to: /e, text: x, mode: «rwx}
            """,
            "`size` has no unit that is known in `2G`; did you mean `2GiB`?", "`journal` wants `true` or `false`, not `yes`",
            "`xfs` is not supported by this version of vmlab; `filesystem` can be `ext4`, `fat`",
            "`a` is not an absolute path in the image: it begins with `/`", "`/a/../b` goes through `.` or `..`; write the path itself",
            "`/a/./b` goes through `.` or `..`; write the path itself", "`/a/` does not name a file",
            "a file wants exactly one of `text`, `from` and `symlink`",
            "a file wants exactly one of `text`, `from` and `symlink`", "a symbolic link has no permission bits of its own",
            "`0999` are not permission bits; write them in octal, such as \"0644\"",
            "`rwx` are not permission bits; write them in octal, such as \"0644\""),
    ])
    func `a recipe's mistakes are pointed at in the recipe`(_ seeded: Seeded) {
        let (text, places) = seeded.unmarked
        let files = FilesInMemory(["/p/Images/img/image.yaml": text])
        let found = mistakes(Reading.lab("name: a\nmachines: {a: {image: img}, b: {image: img}}\n", files: files))
        #expect(found == zip(places, seeded.messages).map { "/p/Images/img/image.yaml:\($0) \($1)" })
        #expect(places.count == seeded.messages.count)
    }

    @Test func `a recipe with files, links and modes is read as written`() throws {
        let recipe = """
            name: img
            from: {archive: {path: ../root.tar.xz, sha256: \(String(repeating: "0a", count: 32))}}
            boot: {kernel: /vmlinuz}
            disk: {size: 64MiB, journal: false}
            files:
              - {to: /etc/motd, text: "hello ${NAME}\\n", mode: "0600"}
              - {to: /srv/app, from: ./app, mode: 4755}
              - {to: /etc/mtab, symlink: ../proc/mounts}
            """
        let files = FilesInMemory(["/p/Images/img/image.yaml": recipe])
        let image = try ImageCatalogue(places: ["/p/Images"], files: files).recipe(named: "img")
        #expect(image.source == .archive(path: "../root.tar.xz", sha256: String(repeating: "0a", count: 32)))
        #expect(image.disk == .init(fileSystem: .ext4, size: ByteCount(bytes: 64 << 20), journal: false))
        #expect(
            image.files == [
                .init(to: "/etc/motd", content: .text("hello ${NAME}\n"), mode: 0o600),
                .init(to: "/srv/app", content: .from(path: "./app"), mode: 0o4755),
                .init(to: "/etc/mtab", content: .symlink(target: "../proc/mounts"), mode: 0o644),
            ])
    }

    @Test func `an image is looked for near the lab first, and a broken one is not passed over`() throws {
        let near = FilesInMemory([
            "/p/labs/Images/pulse/image.yaml": "name: pulse\nfrom: {kernel: {path: near}}\n", "/p/Images/pulse/image.yaml": Reading.pulse,
        ])
        let lab = try Reading.lab("name: a\nmachines: {m: {image: pulse}}\n", files: near).get()
        #expect(lab.images.map(\.folder) == ["/p/labs/Images/pulse"])
        var broken = near
        broken.refused["/p/labs/Images/pulse/image.yaml"] = "Permission denied"
        #expect(
            mistakes(Reading.lab("name: a\nmachines: {m: {image: pulse}}\n", files: broken)) == [
                "lab.yaml:2:23 image `pulse`: /p/labs/Images/pulse/image.yaml cannot be read: Permission denied"
            ])
    }

    @Test func `an image that nobody knows is an error of the command too`() {
        #expect(throws: Diagnostics.self) { try ImageCatalogue(places: ["/p/Images"], files: Reading.files).recipe(named: "pulze") }
        #expect(ImageCatalogue(places: ["/p/Images", "/none"], files: Reading.files).names == ["debian-12", "pulse"])
    }
}

extension Seeded {
    /// Another mark, put after some words, whose message comes first.
    func and(_ mark: String, at words: String, _ message: String) -> Seeded {
        var other = self
        other.text = text.replacing(words, with: words.dropLast() + "«" + words.suffix(1))
        other.messages.insert(message, at: 0)
        return other
    }
}
