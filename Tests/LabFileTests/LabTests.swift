import LabFile
import LabModel
import Testing

@Suite struct `a lab that is right` {
    let shop = """
        # yaml-language-server: $schema=./lab.schema.json
        name: shop
        seed: 7
        defaults: {cpus: 2, memory: 512MiB, image: debian-12, ready: {console: "login:", within: 2min}}
        machines:
          db:
            disks: [{size: 4GiB}, {size: 1GiB}]
            restart: on-failure
          web:
            cpus: 4
            memory: 1GiB
            cmdline: quiet panic=1
            after: [db, tiny, tiny-2]
          tiny:
            image: pulse
            count: 2
            ready: started
        """

    @Test func `becomes machines with every default filled in`() throws {
        let lab = try Reading.lab(shop).get()
        #expect(lab.name == "shop")
        #expect(lab.seed == 7)
        #expect(lab.machines.map(\.name) == ["db", "web", "tiny-1", "tiny-2"])
        let ready = Machine.Readiness.console(pattern: "login:", withinMilliseconds: 120_000)
        #expect(
            lab.machines[0]
                == Machine(
                    name: "db", image: "debian-12", cpus: 2, memory: ByteCount(bytes: 512 << 20),
                    disks: [Machine.Disk(size: ByteCount(bytes: 4 << 30)), Machine.Disk(size: ByteCount(bytes: 1 << 30))], commandLine: "",
                    after: [], ready: ready,
                    restart: .onFailure))
        #expect(
            lab.machines[1]
                == Machine(
                    name: "web", image: "debian-12", cpus: 4, memory: ByteCount(bytes: 1 << 30), disks: [], commandLine: "quiet panic=1",
                    after: ["db", "tiny-1", "tiny-2"], ready: ready, restart: .never))
        #expect(lab.machines[3].ready == .started)
    }

    @Test func `says which processor and what else is on the board, a machine's own words before those of all`() throws {
        let lab = try Reading.lab(
            """
            name: shop
            defaults: {image: pulse, cpu: baseline, virtio: transitional}
            machines:
              plain: {}
              other: {cpu: {model: host, features: {x2apic: off, avx: on}}, virtio: modern, com2: true, hpet: true}
              same: {cpu: {features: {}}, com2: false}
            """
        ).get()
        #expect(lab.machines[0].hardware == Hardware(cpu: .init(model: "baseline"), isTransitional: true))
        let switches = [Hardware.Switch(feature: "avx", isOn: true), Hardware.Switch(feature: "x2apic", isOn: false)]
        #expect(lab.machines[1].hardware == Hardware(cpu: .init(model: "host", switches: switches), hasSecondSerial: true, hasHPET: true))
        #expect(lab.machines[1].hardware.cpu.text == "host,avx=on,x2apic=off")
        #expect(lab.machines[2].hardware == Hardware(isTransitional: true))
    }

    @Test func `holds each recipe once, in order of first use`() throws {
        let lab = try Reading.lab(shop).get()
        #expect(lab.images.map(\.name) == ["debian-12", "pulse"])
        #expect(
            lab.images[0]
                == ImageRecipe(
                    name: "debian-12",
                    source: .mmdebstrap(
                        suite: "bookworm", packages: ["linux-image-cloud-amd64", "systemd-sysv"], variant: "minbase", architecture: "amd64"),
                    boot: .init(
                        protocolName: .linux, kernel: "/boot/vmlinuz-*", initrd: "/boot/initrd.img-*", commandLine: "root=/dev/vda rw"),
                    disk: .init(fileSystem: .ext4, size: ByteCount(bytes: 2 << 30), journal: true), files: [],
                    folder: "/p/Images/debian-12"))
        #expect(lab.images[1].source == .kernel(path: "pulse.elf"))
        #expect(lab.images[1].disk == nil)
    }

    @Test func `may be as small as one machine and one image`() throws {
        let lab = try Reading.lab("{name: a, machines: {m: {image: pulse}}}").get()
        #expect(lab.machines.map(\.memory) == [ByteCount(bytes: 256 << 20)])
        let withDefaults = try Reading.lab("name: a\ndefaults: {image: pulse}\nmachines:\n  m:\n  n:\n").get()
        #expect(withDefaults.machines.map(\.image) == ["pulse", "pulse"])
    }

    @Test func `puts disks and CDs on IDE channels, as far as there is room`() throws {
        var files = Reading.files
        files.contents["/p/labs/shop/a.iso"] = [0]
        files.contents["/b.iso"] = [0]
        let text =
            "name: a\nmachines: {m: {image: pulse, disks: [{size: 1GiB, bus: ide}, {size: 1GiB}], cdroms: [{from: a.iso}, {from: /b.iso}]}}"
        let lab = try Reading.lab(text, files: files).get()
        #expect(lab.machines[0].disks.map(\.bus) == [.ide, .virtio])
        #expect(lab.machines[0].cdroms.map(\.path) == ["/p/labs/shop/a.iso", "/b.iso"])
        let many = text.replacing("{size: 1GiB}", with: "{size: 1GiB, bus: ide}, {size: 1GiB, bus: ide}")
        let found = Reading.diagnostics(Reading.lab(many, files: files)).map(\.message)
        #expect(found == ["the machine has 5 IDE disks and CD drives; there is room for 4"])
        #expect(Reading.mistakes(text).map { $0.contains("cannot be put into a CD drive") } == [true, true], "they are not there")
    }

    @Test func `is not surprised by the types of YAML 1_1`() throws {
        let lab = try Reading.lab(
            """
            name: no
            machines:
              on: {image: pulse, cmdline: 0o17, after: [1e3, "08"]}
              1e3: {image: pulse, cmdline: 1:30}
              08: {image: pulse, cmdline: yes, restart: no}
            """
        ).get()
        #expect(lab.name == "no")
        #expect(lab.machines.map(\.name) == ["on", "1e3", "08"])
        #expect(lab.machines.map(\.commandLine) == ["0o17", "1:30", "yes"])
        #expect(lab.machines[0].after == ["1e3", "08"])
        #expect(lab.machines[2].restart == .never)
    }

    @Test func `may use anchors, aliases and merge keys`() throws {
        let lab = try Reading.lab(
            """
            name: a
            machines:
              m: &base
                image: pulse
                memory: &size 64MiB
                cpus: 2
              n:
                <<: *base
                cpus: 3
              o: {<<: [{memory: *size}, *base], restart: always}
            """
        ).get()
        #expect(lab.machines.map(\.cpus) == [2, 3, 2])
        #expect(lab.machines.map(\.memory.bytes) == [64 << 20, 64 << 20, 64 << 20])
        #expect(lab.machines.map(\.restart) == [.never, .never, .always])
    }

    @Test func `may begin with a byte order mark and end its lines as Windows does`() throws {
        let text = "\u{FEFF}name: a\r\nmachines:\r\n  m: {image: pulse}\r\n"
        #expect(try Reading.lab(text).get().machines.count == 1)
        #expect(Reading.mistakes("\u{FEFF}nam: a\r\nmachines: {}\r\n").first?.hasPrefix("1:1 ") == true)
    }

    @Test func `takes variables where values stand`() throws {
        let text = "name: ${LAB}\nmachines:\n  m: {image: \"${IMAGE:-pulse}\", cpus: \"${CPUS}\", cmdline: 'a$${b}$c ${X:-}${Y}'}\n"
        let lab = try Reading.lab(text, environment: ["LAB": "shop", "CPUS": "3", "IMAGE": "", "Y": "${LAB}"]).get()
        #expect(lab.name == "shop")
        #expect(lab.machines[0].image == "pulse")
        #expect(lab.machines[0].cpus == 3)
        #expect(lab.machines[0].commandLine == "a${b}$c ${LAB}", "what is put in is not looked at again")
    }

    @Test func `takes overrides from the command line`() throws {
        let overrides = [
            "machines.db.cpus=1", "seed=9", "machines.web.after=[db]", "machines.db.disks.0.size=8GiB", "machines.db.cmdline=a=b: c",
            "machines.extra={image: pulse}", "machines.web.ready={console: x, within: 1s}",
        ]
        let lab = try Reading.lab(shop, overrides: overrides).get()
        #expect(lab.seed == 9)
        #expect(lab.machines.map(\.name) == ["db", "web", "tiny-1", "tiny-2", "extra"])
        #expect(lab.machines[0].cpus == 1)
        #expect(lab.machines[0].disks.map(\.size) == [ByteCount(bytes: 8 << 30), ByteCount(bytes: 1 << 30)])
        #expect(lab.machines[0].commandLine == "a=b: c")
        #expect(lab.machines[1].after == ["db"])
        #expect(lab.machines[1].ready == .console(pattern: "x", withinMilliseconds: 1000))
    }
}
