/// What `--help` prints; an example first.
let helpText = """
    vmlab-machine --name demo --memory 256MiB --kernel 10 --serial 0:1 --cmdline console=ttyS0 10<vmlinuz

    Runs one virtual machine. Everything it uses is on this line: descriptors are numbers that are already open,
    and /dev/kvm is the one thing that it opens itself.

      --name NAME            what messages call the machine
      --memory SIZE          2MiB to 4TiB, with its unit
      --cpus N               1 to 8 (default 1)
      --cpu MODEL[,NAME=on|off]...
                             host (default: all that this host's KVM can give), baseline, x86-64-v2 or x86-64-v3 (the levels of
                             the psABI, the same on every host), and features by their names in Linux's /proc/cpuinfo.
                             What the host cannot give is refused
      --boot PROTOCOL        auto (default: by the file's own headers), linux (bzImage),
                             pvh (ELF with the note), multiboot, multiboot2
      --board BOARD          pc (default), or cloud-hypervisor for firmware that is entered as a kernel and made for that monitor's
                             board: EDK2's CLOUDHV.fd
      --kernel FD            read at start and at each reset; with --firmware, what that may boot without a disk
      --firmware FD          a ROM of 64 KiB to 16 MiB that ends at 4 GiB: SeaBIOS, OVMF, U-Boot; the boot processor begins
                             in it as after reset
      --nvram fd=N[,delta=M][,read-only]
                             a flash chip right below the ROM, for firmware's variables: whole blocks of 4 KiB; with delta=
                             the first descriptor is an immutable base. read-only: changes are lost at power-off
      --initrd FD            an initial RAM disk: the same as --module FD
      --module FD[:TEXT]     handed to the kernel, repeatable, with its words for Multiboot
      --cmdline TEXT
      --disk id=ID,fd=N[,delta=M][,read-only][,bus=ide]
                             a virtio disk, repeatable; with delta= the first descriptor is an immutable base. bus=ide: a disk for
                             systems without virtio, from the first place of the first IDE channel on
      --cdrom id=ID,fd=N     an ISO 9660 image in a CD drive, repeatable, read-only; from the first place of the second IDE channel on.
                             The channels have two places each. Firmware boots from disks first, virtio's before IDE's, then from CDs
      --net id=ID,fd=N,mac=MAC[,mtu=N][,mark=HEX]
                             a virtio network interface, repeatable; the descriptor is a stream of records: 4-byte big-endian count,
                             virtio-net header, frame. With mark= (32 digits) both sides begin with that mark
      --serial IN[:OUT]      COM1
      --com2 IN[:OUT]        COM2, which is not there without it
      --console IN[:OUT]     virtio console (hvc0)
      --debug IN[:OUT]       what the guest writes to port 0x402, where firmware logs
      --control IN[:OUT]     words in, events out, one a line; its end is a stop. Words: power-button (refused while
                             the guest has it switched off), reset, stop, link ID up|down, port-restart ID HEX,
                             screen (answered by an event), type HEX (text for the keyboard)
      --triple-fault WHAT    exit (default) or reset
      --transitional         virtio devices with the ids and ports of before version 1 as well, for old drivers
      --hpet                 event timers in memory at 0xFED00000, for systems that want or are to be tested with them
      --test-devices         for test suites that end by port 0xF4: what they write there, doubled and plus 1, is the exit status. Also
                             ports 0xE0 to 0xE8, interrupt lines at ports 0x2000 to 0x2017 and memory at 0xFF000000, as in QEMU's pc-testdev

      --measure-kvm          what /dev/kvm is worth here, as one line of JSON
      --show-cpu             what processors guests can have here, as one line of JSON
      --dump-acpi FOLDER     the tables a guest would get, one file each, and the MP table; takes --cpus
      --version, --help

    Exit status: 0 off or stopped, 64 usage, 65 boot input wrong, 69 no usable KVM, 70 bug, 71 operating system,
    74 input/output, 75 a disk is another machine's, 86 guest fault.

    """

let versionText = "vmlab-machine 0.1.0\n"
