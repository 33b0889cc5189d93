/// What carriers are made of: files that many carriers share, and that nobody changes while one runs.
package struct CarrierKit: Hashable, Sendable {
    /// A Linux kernel as an ELF with a PVH note.
    package var kernel: String
    /// A cpio holding `/init` (vmlab-carrier-init), `/vmlab-machine`, `/modules` and the modules it names.
    package var initramfs: String
    package var qemu: QEMU

    package init(kernel: String, initramfs: String, qemu: QEMU) {
        self.kernel = kernel
        self.initramfs = initramfs
        self.qemu = qemu
    }
}
