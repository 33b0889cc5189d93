import Carrier
import CarrierLink
import Host
import LabModel
import Testing

@Suite struct CommandTests {
    private let kit = CarrierKit(
        kernel: "/k/vmlinux", initramfs: "/k/initramfs.cpio", qemu: QEMU(path: "/q", version: .init(major: 10, minor: 0)))

    @Test func `the command line of a carrier is this one`() {
        let command = CarrierCommand(
            kit: kit, memory: ByteCount(bytes: 256 << 20),
            ports: [.init(name: "carrier", descriptor: 3), .init(name: "control", descriptor: 4)],
            disks: [.init(serial: "fd12", descriptor: 5, writable: false), .init(serial: "fd13", descriptor: 6, writable: true)],
            counterKilohertz: 2_500_000)
        #expect(
            command.arguments.joined(separator: "\n") == """
                -M
                pc
                -accel
                tcg,thread=multi
                -cpu
                max,-erms,-fsrm
                -smp
                1
                -m
                384M
                -nodefaults
                -no-user-config
                -no-reboot
                -display
                none
                -monitor
                none
                -serial
                stdio
                -kernel
                /k/vmlinux
                -initrd
                /k/initramfs.cpio
                -append
                console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off tsc_early_khz=2500000 tsc=reliable no_timer_check cryptomgr.notests lsm=capability audit=0 SWIFT_ROOT=/
                -device
                virtio-serial-pci,max_ports=3
                -chardev
                socket,id=c0,fd=3
                -device
                virtserialport,chardev=c0,name=carrier
                -chardev
                socket,id=c1,fd=4
                -device
                virtserialport,chardev=c1,name=control
                -add-fd
                fd=5,set=0
                -blockdev
                driver=raw,node-name=d0,read-only=on,file.driver=file,file.filename=/dev/fdset/0,file.locking=off,file.read-only=on
                -device
                virtio-blk-pci,drive=d0,serial=fd12
                -add-fd
                fd=6,set=1
                -blockdev
                driver=raw,node-name=d1,discard=unmap,detect-zeroes=unmap,file.driver=file,file.filename=/dev/fdset/1,file.locking=off,file.discard=unmap
                -device
                virtio-blk-pci,drive=d1,serial=fd13
                """)
    }

    @Test func `a comma in a name is no new option`() {
        let command = CarrierCommand(
            kit: kit, memory: ByteCount(bytes: 1), ports: [.init(name: "a,chardev=b", descriptor: 3)], disks: [])
        #expect(command.arguments.contains("virtserialport,chardev=c0,name=a,,chardev=b"))
        #expect(command.arguments.contains("129M"), "memory is rounded up to whole MiB")
    }

    @Test func `a carrier is told how fast this host counts, and nothing where that is not known`() {
        func kernelWords(_ kilohertz: UInt64) -> String? {
            let command = CarrierCommand(kit: kit, memory: ByteCount(bytes: 1), ports: [], disks: [], counterKilohertz: kilohertz)
            return command.arguments.first { $0.contains("rdinit=") }
        }
        #expect((500_000...10_000_000).contains(TimeStampCounter.kilohertz))
        #expect(kernelWords(2_596_098)?.contains(" tsc_early_khz=2596098 tsc=reliable ") == true)
        #expect(kernelWords(0)?.contains("tsc") == false)
    }

    @Test func `no size of memory traps`() {
        let command = CarrierCommand(kit: kit, memory: ByteCount(bytes: .max), ports: [], disks: [])
        #expect(command.arguments.contains("\(UInt64.max >> 20)M"))
    }

    // MARK: QEMU's version

    @Test(arguments: [
        ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)\nCopyright", 10, 0),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2)", 7, 2),
        ("QEMU emulator version 11.1", 11, 1), ("QEMU emulator version 9.2.50-rc1", 9, 2),
    ])
    func `a version is read out of what QEMU says`(text: String, major: Int, minor: Int) {
        #expect(QEMU.Version(of: text) == QEMU.Version(major: major, minor: minor))
    }

    @Test(arguments: [
        "", "version", "QEMU emulator version", "QEMU emulator version ten", "bash: not found", "version .1",
        "version 99999999999999999999.1",
    ])
    func `what is no version is none`(text: String) {
        #expect(QEMU.Version(of: text) == nil)
    }

    @Test func `an old QEMU is warned of with the package's name, a new one is not`() {
        let old = QEMU(path: "/usr/bin/q", version: .init(major: 7, minor: 2)).warning
        #expect(old?.contains("qemu-system-x86") == true && old?.contains("bookworm-backports") == true && old?.contains("7.2") == true)
        #expect(QEMU(path: "/usr/bin/q", version: .init(major: 10, minor: 0)).warning == nil)
    }

    @Test func `a QEMU that is missing, or none, is a host that cannot`() throws {
        let missing = #expect(throws: CarrierError.self) { try QEMU.locate(path: "/nowhere") }
        #expect(missing?.exitCode == .hostCannot)
        #expect(missing?.description.contains("package qemu-system-x86") == true)
        #expect(throws: CarrierError.self) { try QEMU.locate(explicit: "/nowhere/qemu", path: "") }
        let other = #expect(throws: CarrierError.self) { try QEMU.locate(explicit: "/bin/true", path: "") }
        #expect(other?.exitCode == .hostCannot)
    }
}
