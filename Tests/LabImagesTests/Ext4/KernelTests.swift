import Glibc
import Host
import LabImages
import LabModel
import Testing

/// A real kernel as the judge: Debian's, in an emulated machine, with images as its disks.
///
/// Downloads the kernel's package once (about 30 MB); the machine runs for some twenty seconds.
@Suite struct KernelTests {
    /// Mounts each disk read-write, reads, writes and deletes, and lets it grow to the end of its device while mounted.
    private static let script = """
        #!/bin/busybox sh
        /bin/busybox --install -s /bin
        export PATH=/bin
        mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
        for module in $(cat /modules); do insmod $module 2>/dev/null; done
        for disk in vda vdb vdc; do
            mount -t ext4 /dev/$disk /mnt || continue
            echo "$disk sum $(cat /mnt/d/* /mnt/tree/*/* | sha256sum)"
            echo "$disk names $(ls /mnt/d | wc -l) $(ls -l /mnt/link | sed 's/.*-> //') $(stat -c %t:%T:%a /mnt/device)"
            dd if=/dev/urandom of=/mnt/new bs=64k count=100 2>/dev/null && echo "$disk wrote"
            mkdir /mnt/many && for i in $(seq 700); do : >/mnt/many/$i; done && rm -r /mnt/tree /mnt/many/1* && echo "$disk removed"
            /resize2fs /dev/$disk >/dev/null 2>&1 && echo "$disk grew to $(df -m /mnt | awk 'END { print ($2 > 900) }')"
            dd if=/dev/urandom of=/mnt/more bs=1M count=80 2>/dev/null && echo "$disk filled"
            umount /mnt && echo "$disk done"
        done
        dmesg | grep -i ext4-fs | grep -iE 'error|warn|corrupt|bad|invalid'
        poweroff -f
        """

    /// Laid over each image once it is made, as a machine's own files are.
    private static let layer = Layer(
        (0..<100).map { .text("/d/\(2_000_000 + $0)", String(repeating: "\($0)", count: $0 * 40)) } + [.link("/link", to: "later")])

    private func fill(_ writer: inout Ext4Writer, files: Int) throws -> [UInt8] {
        var generator = SeededGenerator(seed: UInt64(files))
        var all: [UInt8] = []
        for index in 0..<files {
            let bytes = generator.bytes(200)
            all += bytes
            try writer.add(.file("d/\(1_000_000 + index)"), bytes: bytes)
        }
        for index in 0..<100 { all += Array(String(repeating: "\(index)", count: index * 40).utf8) }
        for index in 0..<20 {
            let bytes = generator.bytes(100_000)
            all += bytes
            try writer.add(.file("tree/\(100 + index)/file"), bytes: bytes)
        }
        try writer.add(.symlink("link", to: String(repeating: "../", count: 30)))
        try writer.add(ArchiveEntry(path: Array("device".utf8), kind: .blockDevice(major: 259, minor: 1000), mode: 0o640))
        return all
    }

    @Test func `Debian's kernel mounts, uses and grows images, and leaves them whole`() throws {
        let scratch = try Scratch()
        try scratch.write("init", Self.script)
        try scratch.shell("chmod 755 init")
        let kit = try CarrierKitBuilder.build(
            store: ImageStore(paths: scratch.paths), initProgram: scratch.file("init"), machineProgram: scratch.file("init"))
        // The kit's initramfs and one with a shell and resize2fs behind it.
        try scratch.shell(
            """
            mkdir -p root/bin root/mnt root/proc root/sys root/dev
            cp /bin/busybox root/bin; cp /usr/sbin/resize2fs root/
            for library in $(ldd root/resize2fs | grep -o '/[^ ]*'); do mkdir -p root$(dirname $library); cp -L $library root$library; done
            (cd root; find . | cpio -o -H newc --quiet) | cat \(kit.initramfs) - >initramfs
            """)
        // One group without a journal, several with one, and a full one with an index of many names.
        let disks: [(mebibytes: UInt64, journal: Bool, files: Int)] = [(40, false, 50), (300, true, 300), (120, true, 5000)]
        var images: [Disk] = []
        var sums: [String] = []
        for (mebibytes, journal, files) in disks {
            let disk = try Disk()
            var content: [UInt8] = []
            try disk.build(mebibytes: mebibytes, journal: journal) { content = try fill(&$0, files: files) }
            try Ext4Editor.apply(Self.layer, to: FileDisk(Descriptor.open(disk.path, O_RDWR), isReadOnly: false))
            try disk.check()
            sums.append(SHA256.digest(of: content).description)
            truncate(disk.path, 1 << 30)
            images.append(disk)
        }
        let drives = images.map { "-drive file=\($0.path),format=raw,if=virtio" }.joined(separator: " ")
        let log = try scratch.shell(
            """
            timeout 240 qemu-system-x86_64 -accel tcg -cpu max -m 512 -display none -serial stdio -monitor none -no-reboot \
            -kernel \(kit.kernel) -initrd initramfs -append 'console=ttyS0 quiet panic=-1' \(drives) </dev/null
            """)
        for (index, disk) in images.enumerated() {
            let name = ["vda", "vdb", "vdc"][index]
            #expect(log.contains("\(name) sum \(sums[index])"), "\(log)")
            #expect(log.contains("\(name) names \(disks[index].files + 100) later 103:3e8:640"), "\(log)")
            for said in ["wrote", "removed", "grew to 1", "filled", "done"] { #expect(log.contains("\(name) \(said)"), "\(log)") }
            try disk.check(strangeClock: true)
        }
        #expect(!log.lowercased().contains("ext4-fs"), "\(log)")
    }
}
