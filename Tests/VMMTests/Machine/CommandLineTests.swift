import Foundation
import Testing

/// What the program answers to a command line before there is a guest. None of it needs KVM but where it says so.
@Suite("vmlab-machine's command line")
struct CommandLineTests {
    @Test(arguments: [
        ("", "--name is missing"), ("--name x", "--memory is missing"), ("--name x --memory 64MiB", "--kernel or --firmware is missing"),
        ("--name x --memory 64 --kernel 3", "a number with a unit"), ("--name x --memory 1MiB --kernel 3", "2MiB to 4TiB"),
        ("--name x --memory 99999999999999999999MiB --kernel 3", "a number with a unit"),
        ("--name x --memory 18446744073709551615GiB --kernel 3", "2MiB to 4TiB"),
        ("--name x --memory 64MiB --kernel three", "the number of an open descriptor"),
        ("--name x --memory 64MiB --kernel 3 --cpus 9", "--cpus takes 1 to 8"),
        ("--name x --memory 64MiB --kernel 3 --cpu i486", "there are host, baseline, x86-64-v2, x86-64-v3"),
        ("--name x --memory 64MiB --kernel 3 --cpu host,sse3=on", "did you mean pni?"),
        ("--name x --memory 64MiB --kernel 3 --cpu host,sse2=off", "part of every machine's processor"),
        ("--name x --memory 64MiB --kernel 3 --cpu host,avx2=on,avx=off", "avx2 cannot be on without avx"),
        ("--name x --memory 64MiB --kernel 3 --cpu host --cpu host", "--cpu is given twice"),
        ("--name x --memory 64MiB --kernel 3 --boot bios", "--boot takes auto, linux, pvh, multiboot or multiboot2"),
        ("--name x --memory 64MiB --kernel 3 --board q35", "--board takes pc or cloud-hypervisor, not \"q35\""),
        ("--name x --memory 64MiB --firmware 3 --board cloud-hypervisor", "give it as --kernel"),
        ("--name x --memory 64MiB --kernel 3 --kernel 4", "--kernel is given twice"),
        ("--name x --memory 64MiB --kernel 3 --floppy 4", "--floppy is no option"),
        ("--name x --memory 64MiB --kernel 3 stray", "\"stray\" is no option"),
        ("--name x --memory 64MiB --kernel", "--kernel needs a value"),
        ("--name x --memory 64MiB --kernel 3 --disk id=a", "--disk needs an id"),
        ("--name x --memory 64MiB --kernel 3 --disk id=123456789012345678901,fd=3", "1 to 20 bytes"),
        ("--name x --memory 64MiB --kernel 3 --disk id=a,fd=4,cache=none", "--disk takes id=ID"),
        ("--name x --memory 64MiB --kernel 3 --disk id=a,fd=4,bus=scsi", "[,bus=ide|virtio], not"),
        ("--name x --memory 64MiB --kernel 3 --cdrom id=a", "--cdrom takes id=ID,fd=N"),
        ("--name x --memory 64MiB --kernel 3 --cdrom id=a,fd=4,delta=5", "--cdrom takes id=ID,fd=N"),
        ("--name x --memory 64MiB --kernel 3 --cdrom id=a,fd=4,bus=ide", "--cdrom takes id=ID,fd=N"),
        (
            "--name x --memory 64MiB --kernel 3 --cdrom id=a,fd=4 --cdrom id=b,fd=5 --disk id=c,fd=6,bus=ide --disk id=d,fd=7,bus=ide --cdrom id=e,fd=8",
            "5 IDE disks and CD drives; a machine takes 4"
        ),
        ("--name x --memory 64MiB --kernel 3 --net id=a,fd=4", "--net needs a descriptor and an address"),
        ("--name x --memory 64MiB --kernel 3 --net fd=4,mac=02:00:00:00:00:01", "--net needs an id"),
        ("--name x --memory 64MiB --kernel 3 --net 'id=a b,fd=4,mac=02:00:00:00:00:01'", "without blanks"),
        ("--name x --memory 64MiB --kernel 3 --net id=a,fd=4,mac=03:00:00:00:00:01", "the address of one card"),
        ("--name x --memory 64MiB --kernel 3 --net id=a,fd=4,mac=02:00:00:00:01", "the address of one card"),
        ("--name x --memory 64MiB --kernel 3 --net id=a,fd=4,mac=2:0:0:0:0:1", "the address of one card"),
        ("--name x --memory 64MiB --kernel 3 --net id=a,fd=4,mac=02:00:00:00:00:01,mtu=67", "--net mtu= takes 68 to 65535"),
        ("--name x --memory 64MiB --kernel 3 --net id=a,fd=4,mac=02:00:00:00:00:01,mtu=65536", "--net mtu= takes 68 to 65535"),
        ("--name x --memory 64MiB --kernel 3 --net id=a,fd=4,mac=02:00:00:00:00:01,mark=00", "32 hexadecimal digits"),
        ("--name x --memory 64MiB --kernel 3 --net id=a,fd=4,mac=02:00:00:00:00:01,model=e1000", "--net takes id=ID"),
        (
            "--name x --memory 64MiB --kernel 3 --net id=a,fd=4,mac=02:00:00:00:00:01 --net id=a,fd=5,mac=02:00:00:00:00:02",
            "id=a is given twice"
        ),
        (
            "--name x --memory 64MiB --kernel 3 $(for n in 1 2 3 4 5 6 7 8 9; do echo --net id=n$n,fd=4,mac=02:00:00:00:00:0$n; done)",
            "a machine takes 8"
        ),
        ("--name x --memory 64MiB --kernel 3 --serial 0:1:2", "--serial takes IN or IN:OUT"),
        ("--name x --memory 64MiB --kernel 77", "--kernel: descriptor 77 is not open"),
        // The first numbers that this program's own descriptors would get.
        ("--name x --memory 64MiB --kernel 10 --disk id=a,fd=3 10</dev/null", "--disk id=a: descriptor 3 is not open"),
        ("--name x --memory 64MiB --kernel 10 --disk id=a,fd=4,delta=5 10</dev/null", "--disk id=a: descriptor 4 is not open"),
        ("--name x --memory 64MiB --kernel 10 --cdrom id=a,fd=4 10</dev/null", "--cdrom id=a: descriptor 4 is not open"),
        ("--name x --memory 64MiB --kernel 10 --net id=a,fd=6,mac=02:00:00:00:00:01 10</dev/null", "--net id=a: descriptor 6 is not open"),
        ("--name x --memory 64MiB --kernel 10 --initrd 10 10</dev/null", "10 is named by --kernel and by --initrd"),
        ("--name x --memory 64MiB --kernel 10 --disk id=a,fd=11,delta=11 10</dev/null 11</dev/null", "11 is named twice by --disk id=a"),
        ("--name x --memory 64MiB --kernel 10 --serial 0:1 --console 0 10</dev/null", "0 is named by --serial and by --console"),
    ])
    func `a mistake is named, with status 64`(line: String, part: String) {
        let result = MachineProgram.run(line)
        #expect(result.status == 64)
        #expect(result.errors.contains(part), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test func `a kernel that is none ends with status 65 before there is a machine`() {
        let result = MachineProgram.run("--name x --memory 64MiB --kernel 10 10</etc/passwd")
        #expect(result.status == 65)
        let reason = "it is neither a Linux kernel (bzImage), an ELF file nor a Multiboot image"
        #expect(result.errors == "vmlab-machine: x: the kernel cannot be booted: \(reason)\n")
    }

    @Test func `help begins with an example and every option is in it`() {
        let result = MachineProgram.run("--help")
        #expect(result.status == 0)
        #expect(result.output.hasPrefix("vmlab-machine --name demo"))
        for option in [
            "--disk", "--cdrom", "--net", "--serial", "--console", "--control", "--triple-fault", "--measure-kvm", "--dump-acpi", "--boot",
            "--cpu",
            "--show-cpu",
        ] {
            #expect(result.output.contains(option))
        }
        #expect(MachineProgram.run("--version").output.hasPrefix("vmlab-machine "))
    }

    @Test func `the measurement is one line of JSON whatever the host is`() throws {
        let result = MachineProgram.run("--measure-kvm")
        #expect(result.status == 0)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(["ok", "missing", "refused", "error"].contains(object["kvm"] as? String ?? ""))
        if object["kvm"] as? String == "ok" { #expect((object["instructions_per_second"] as? Int ?? 0) > 1000) }
    }

    @Test(.enabled(if: MachineProgram.obstacle == nil, "no usable /dev/kvm here"))
    func `a delta that is none ends with status 74 and names the disk`() throws {
        let scratch = try Scratch()
        try scratch.write(PVHImage().bytes, to: "kernel")
        try scratch.write([UInt8](repeating: 1, count: 1 << 18), to: "base")
        try scratch.write([UInt8](repeating: 1, count: 1 << 20), to: "delta")
        let result = MachineProgram.run(
            "--name x --memory 64MiB --kernel 10 --disk id=root,fd=11,delta=12 10<kernel 11<base 12<>delta", in: scratch.url)
        #expect(result.status == 74)
        #expect(result.errors.contains("disk root: the delta cannot be used: it is not a delta"))
    }

    @Test func `tables are written for the disassembler`() throws {
        let scratch = try Scratch()
        #expect(MachineProgram.run("--dump-acpi tables --cpus 3", in: scratch.url).status == 0)
        #expect(try scratch.read("tables/APIC.dat").prefix(4) == Array("APIC".utf8)[...])
        #expect(MachineProgram.run("--dump-acpi /proc/none/such").status == 74)
    }
}
